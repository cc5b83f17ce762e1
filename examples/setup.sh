# Sourced by the scripts that start from a bare machine.
#
# need_packages build|firmware|tests: installs what is missing of
# tests/packages.txt, up to the end of that part. Asks for no rights it does not
# need: nothing happens when all is there.
need_packages() {
	list=$(awk -v last="$1" '/^# / { done = done || part == last; part = $2 }
		!/^#/ && !done { print }' "$top/tests/packages.txt")
	missing=
	for p in $list; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
			grep -q 'ok installed' || missing="$missing $p"
	done
	[ -z "$missing" ] && return 0
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "installing:$missing"
	$sudo apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq \
		--no-install-recommends $missing >/dev/null
}
