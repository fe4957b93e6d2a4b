#!/usr/bin/env bash
# Packs an installed tree for the release of Debian it was built on.
#
# usage: build.sh DIRECTORY DIST    DIRECTORY/tree is what `make install DESTDIR=… PREFIX=/usr` made
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1 tree=$1/tree dist=$2
here=Packaging/deb
version=$("$tree/usr/bin/vitvideo" --version)
maintainer="${DEBFULLNAME:-$(git config user.name)} <${DEBEMAIL:-$(git config user.email)}>"
date=$(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")

strip --remove-section=.comment --remove-section=.note "$tree/usr/bin/vitvideo"
doc=$tree/usr/share/doc/vitvideo
mkdir -p "$doc" "$tree/DEBIAN" "$work/debian"
cp $here/copyright "$doc/copyright"
printf 'vitvideo (%s) unstable; urgency=medium\n\n  * See NEWS.gz beside this file.\n\n -- %s  %s\n' \
  "$version" "$maintainer" "$date" | gzip -9n > "$doc/changelog.gz"
gzip -9nc CHANGELOG.md > "$doc/NEWS.gz"
gzip -9n "$tree/usr/share/man/man1/vitvideo.1"

# Which libraries the program is linked with; those that it opens are named in the template.
sed -n '/^Source/,/^$/p' $here/control > "$work/debian/control"
printf 'Package: vitvideo\nArchitecture: amd64\n' >> "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info tree/usr/bin/vitvideo 2>/dev/null)
sed -n '/^Package/,$p' $here/control | sed \
  -e "s|@VERSION@|$version|" -e "s|@MAINTAINER@|$maintainer|" -e "s|@DEPENDS@|${depends#shlibs:Depends=}|" \
  -e "s|@SIZE@|$(du -sk "$tree" | cut -f1)|" > "$tree/DEBIAN/control"
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) > "$tree/DEBIAN/md5sums"

find "$tree" -type d -exec chmod 755 {} +
find "$tree" -exec touch --no-dereference --date="$date" {} +
mkdir -p "$dist"
rm -f "$dist"/*.deb
dpkg-deb --root-owner-group --build "$tree" "$dist"
lintian --allow-root --fail-on error,warning "$dist"/*.deb
