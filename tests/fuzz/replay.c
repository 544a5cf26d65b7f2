/*
 * replay.c - feeds a target the files of its corpus, one after the other, without libFuzzer.
 *
 * usage: replay_NAME FILE|FOLDER...
 */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (1 << 22)

static unsigned replayed;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most)
{
	(void)data;
	return size < most ? size : most;
}

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *buffer = malloc(INPUT_BYTES_MAX);
	if (file == NULL || buffer == NULL) {
		perror(path);
		exit(1);
	}
	size_t bytes = fread(buffer, 1, INPUT_BYTES_MAX, file);
	(void)fclose(file);
	uint8_t *data = fuzz_copy(buffer, bytes);
	free(buffer);
	/* Read by a person, where the next line is a finding. */
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, bytes);
	free(data);
	replayed++;
}

static void replay(const char *path)
{
	struct stat status;
	struct dirent **entries;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		replay_file(path);
		return;
	}
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		perror(path);
		exit(1);
	}
	for (int i = 0; i < count; i++) {
		char inner[4096];
		(void)snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(inner);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs\n", replayed);
	return replayed > 0 ? 0 : 1;
}
