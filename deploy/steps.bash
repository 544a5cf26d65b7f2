# steps.bash - what deploy/quickstart and deploy/check share: steps that say one line each and keep
# their output in build/log, and the packages of deploy/packages. Sourced, from the project's root.

# die SENTENCE: ends the program with one sentence.
die() {
	trap - ERR
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit "${2:-1}"
}

# Whatever fails outside a step still ends with a sentence.
trap 'die "failed at line $LINENO: $BASH_COMMAND"' ERR

# step NAME SENTENCE COMMAND...: runs the command without input; its output goes to
# build/log/NAME.log, of which the end is shown where it fails.
step() {
	local sentence=$2 log=build/log/$1.log
	shift 2
	mkdir -p build/log
	printf '%s\n' "$sentence"
	if "$@" >"$log" 2>&1 </dev/null; then
		return 0
	fi
	printf -- '--- the end of %s:\n' "$log" >&2
	tail -n 30 "$log" >&2
	printf -- '---\n' >&2
	return 1
}

# install_missing GROUP...: installs those packages of the groups that the machine lacks. Needs root
# or sudo only where there are some.
install_missing() {
	local groups=" $* " group package elevate=()
	local -a missing=()
	command -v dpkg-query >/dev/null ||
		die "needs Debian's packages: install those of deploy/packages, then run cmake --preset release" 69
	while read -r group package; do
		[[ $group == "" || $group == "#"* || $groups != *" $group "* ]] && continue
		[[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] ||
			missing+=("$package")
	done <deploy/packages
	[[ ${#missing[@]} -gt 0 ]] || return 0
	if [[ $(id -u) != 0 ]]; then
		command -v sudo >/dev/null ||
			die "must run as root to install what is missing: ${missing[*]}" 77
		sudo -v || die "must run with sudo or as root to install what is missing: ${missing[*]}" 77
		elevate=(sudo)
	fi
	step packages "Installing ${#missing[@]} Debian packages" \
		apt_install "${elevate[@]}" -- "${missing[@]}" ||
		die "could not install ${missing[*]}" 69
}

# apt_install [sudo] -- PACKAGE...
apt_install() {
	local elevate=()
	while [[ $1 != -- ]]; do
		elevate+=("$1")
		shift
	done
	shift
	"${elevate[@]}" apt-get update &&
		"${elevate[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get install --yes --no-install-recommends "$@"
}
