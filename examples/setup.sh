# Sourced by the scripts that start from a bare machine.
#
# need_packages build|tests: installs what is missing of tests/packages.txt. Asks
# for no rights it does not need: nothing happens when all is there.
need_packages() {
	list=$(sed -e '/^# tests/,$d' -e '/^#/d' "$top/tests/packages.txt")
	[ "$1" = tests ] && list=$(sed '/^#/d' "$top/tests/packages.txt")
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
