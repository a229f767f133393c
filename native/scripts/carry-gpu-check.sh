#!/usr/bin/env bash
# Collects what gpu-check.sh --prebuilt needs on a machine that has a GPU and no libraries to build with: the programs,
# stripped, and in lib/ the libraries that they are linked with. Makes a folder, and beside it an archive of it.
#
#   carry-gpu-check.sh [BUILD [FOLDER]]     default: build/cuda, into build/gpu-check and build/gpu-check.tar.gz
#
# To be built before: cmake --preset cuda -S native && cmake --build build/cuda --target gpu-check
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/cuda}
folder=${2:-$root/build/gpu-check}
if [ ! -x "$build/squeeze-cuda-tests" ]; then
  echo "carry-gpu-check: there is no $build/squeeze-cuda-tests; build the target gpu-check first." >&2
  exit 2
fi

rm -rf "$folder"
mkdir -p "$folder/lib/cxx"
for program in "$build"/squeeze-cuda-tests "$build"/*_device_bench; do
  [ -x "$program" ] || continue
  strip -o "$folder/$(basename "$program")" "$program"
  # The C library stays that of the machine it runs on.
  ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^(libc|libm|libdl|libpthread|librt)\.so/ { print $3 }' |
    while read -r library; do
      name=$(basename "$library")
      case $name in
        libstdc++.so.* | libgcc_s.so.*) name=cxx/$name ;; # only for a machine whose own is older
      esac
      if [ ! -e "$folder/lib/$name" ]; then strip -o "$folder/lib/$name" "$library"; fi
    done
done
tar -czf "$folder.tar.gz" -C "$folder" .
du -sh "$folder" "$folder.tar.gz"
