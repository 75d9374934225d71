#!/bin/sh
# Makes the root file system of the container image: weir's folder (npm run standalone), the
# libraries that its Node needs, what the C library needs to look up names, and the system's
# certificates. No shell, no package manager.
#
#   rootfs.sh WEIR_FOLDER ROOT
set -eu
weir=$1 root=$2
mkdir -p "$root/opt" "$root/etc/weir" "$root/etc/ssl/certs" "$root/tmp"
chmod 1777 "$root/tmp"
cp -a "$weir" "$root/opt/weir"
rm -r "$root/opt/weir/bin/weir" # there is no shell

# The dynamic loader and every library, at the paths where the loader looks for them.
copy() { mkdir -p "$root$(dirname "$1")" && cp -L "$1" "$root$1"; }
ldd "$weir/bin/node" | grep -o '/[^ ]*' | while read -r library; do copy "$library"; done
libraries=$(dirname "$(ldd "$weir/bin/node" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')")
copy "$libraries/libresolv.so.2" # for names of other sources than weir's own look-ups
for library in "$libraries"/libnss_files.so.2 "$libraries"/libnss_dns.so.2; do [ ! -e "$library" ] || copy "$library"; done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'weir:x:65532:65532:weir:/nonexistent:/nonexistent' >"$root/etc/passwd"
echo 'weir:x:65532:' >"$root/etc/group"
