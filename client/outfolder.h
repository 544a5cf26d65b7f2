/*
 * outfolder.h - a folder of files that gets its name when all are there, beside an outfile.
 *
 * It is made under a random name beside its target, NAME.RANDOM; what kills the program leaves that
 * behind.
 *
 * One thread owns an outfolder; any number may make files in it.
 */
#ifndef CLIENT_OUTFOLDER_H
#define CLIENT_OUTFOLDER_H

struct outfolder {
	char *path;   /* where it is now; NULL: there is none (OUTFOLDER_NONE) */
	char *target; /* where it is to be */
	char *made;   /* where it was made */
};
#define OUTFOLDER_NONE ((struct outfolder){0})

/* Makes it. Returns 0 or an errno: EEXIST where the target is there already. */
int outfolder_make(const char *target, struct outfolder *ret_folder);

/* Has all that is in it, and the rest of its file system, on the disk. Returns 0 or an errno. */
int outfolder_sync(const struct outfolder *folder);

/* Gives it its name. Returns 0 or an errno; a target that has come meanwhile stays as it is. */
int outfolder_publish(struct outfolder *folder);

/* Takes the name away again: it did not go as it should. */
void outfolder_withdraw(struct outfolder *folder);

/* It stays where it is. Leaves OUTFOLDER_NONE. */
void outfolder_leave(struct outfolder *folder);

/* Removes it, wherever it is. Accepts OUTFOLDER_NONE, and leaves it behind. */
void outfolder_discard(struct outfolder *folder);

#endif
