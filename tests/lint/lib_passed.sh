# shellcheck shell=bash
# What a lint found good need not be looked at again: it notes the digests of files that passed in a folder, whose name
# holds the digest of all else that the verdict depends on. Sourced by the lints that look at one file after the other.
# Without KITH_LINT_CACHE (ctest sets it) nothing is remembered.

# passed_folder <lint>: prints the folder for this lint; standard input is what the verdict depends on beside the file.
passed_folder() {
	local digest
	digest=$(sha256sum | cut -c1-40)
	if [ -n "${KITH_LINT_CACHE:-}" ]; then
		mkdir -p "$KITH_LINT_CACHE/$1-$digest"
		echo "$KITH_LINT_CACHE/$1-$digest"
	fi
}

# passed_not <folder> file...: prints the files that are not known to have passed.
passed_not() {
	local folder=$1 digest file
	shift
	if [ -z "$folder" ]; then
		printf '%s\n' "$@"
		return
	fi
	sha256sum "$@" | while read -r digest file; do
		[ -e "$folder/$digest" ] || echo "$file"
	done
}

# passed_note <folder> file...: they have passed.
passed_note() {
	local folder=$1 digest
	shift
	if [ -n "$folder" ]; then
		sha256sum "$@" | while read -r digest _; do
			: >"$folder/$digest"
		done
	fi
}
