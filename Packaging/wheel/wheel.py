#!/usr/bin/env python3
"""Packs the program with every library but glibc's into a wheel.

usage: wheel.py PROGRAM FFMPEG PURE_WHEEL BUILD DIST

PROGRAM is the release binary, FFMPEG the directory that ffmpeg.sh filled, PURE_WHEEL the Python module's wheel without
the program. In the wheel the package has

    vitvideo/bin/vitvideo                 the program
    vitvideo/lib/*.so.*                   its libraries under their sonames, found by $ORIGIN
    vitvideo/share/vitvideo/              font, certificates, LIBRARIES.txt
    vitvideo-….dist-info/licenses/        the licence of everything

The platform tag is the newest glibc symbol that any of the files asks for.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from older_glibc import free_from_newer_glibc

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Opened at run time, so that the program does not name them.
OPENED = ["libdnnl.so.2", "libopenblas.so.0", "libavfilter.so.8"]
# glibc's own, which every system has, and the only ones that are not packed.
GLIBC = re.compile(r"(ld-linux-x86-64|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|BrokenLocale))\.so\.\d+$")
FONTS = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"]
FONT_DIRECTORY = Path("/usr/share/fonts/truetype/dejavu")
CERTIFICATES = Path("/usr/share/ca-certificates/mozilla")
# x264 and x265 are GPL 2 or later, OpenSSL is Apache 2, which goes together under version 3 of the GPL.
LICENSE = "GPL-3.0-or-later"
LIMIT = 100_000_000
ARC4RANDOM = "libarc4random.so.0"


def output(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options).stdout


def find_libraries(program, ffmpeg):
    """Paths by soname of all that the program and what it opens are linked with, glibc left out."""
    path = output("ldconfig", "-p")
    known = dict(re.findall(r"^\s+(\S+) \(libc6,x86-64[^)]*\) => (\S+)$", path, re.M)[::-1])
    known |= {library.name: str(library) for library in Path(ffmpeg).glob("*.so.*")}
    environment = {**os.environ, "LD_LIBRARY_PATH": str(ffmpeg)}
    found = {}
    for start in [program] + [known[name] for name in OPENED]:
        if start != program:
            found[Path(start).name] = Path(start)
        for line in output("ldd", start, env=environment).splitlines():
            match = re.match(r"\s+(\S+) => (.*?)(?: \(0x.*\))?$", line)
            if not match or GLIBC.match(match[1]):
                continue
            if match[2] == "not found":
                sys.exit(f"wheel.py: {start} needs {match[1]}, which is not there")
            found[match[1]] = Path(match[2])
    return dict(sorted(found.items()))


def package_of(path):
    """Debian's package that a file is of, and its version."""
    real = Path(os.path.realpath(path))
    for candidate in [real, Path("/usr") / real.relative_to("/"), Path(str(real).removeprefix("/usr"))]:
        run = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True)
        if run.returncode == 0:
            name = run.stdout.split(": ", 1)[0].split(",")[0]
            return name.split(":")[0], output("dpkg-query", "-W", "-f", "${Version}", name)
    sys.exit(f"wheel.py: no Debian package has {path}")


def newest_glibc(paths):
    """The newest version of glibc's symbols that the files ask for, and the files that do."""
    wanted = {}
    for path in paths:
        with open(path, "rb") as file:
            for section in ELFFile(file).iter_sections():
                if not isinstance(section, GNUVerNeedSection):
                    continue
                for _, symbols in section.iter_versions():
                    for symbol in symbols:
                        if match := re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", symbol.name):
                            wanted.setdefault((int(match[1]), int(match[2])), set()).add(path.name)
                        elif symbol.name.startswith("GLIBC_"):
                            sys.exit(f"wheel.py: {path} asks for {symbol.name}")
    newest = max(wanted)
    return newest, sorted(wanted[newest])


def copy_license(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def collect_licenses(packages, ffmpeg_source, licenses):
    """The copyright file of every package, and the licences that those files only name."""
    for name in packages:
        copy_license(f"/usr/share/doc/{name}/copyright", licenses / name / "copyright")
    copy_license(ffmpeg_source / "debian/copyright", licenses / "ffmpeg/copyright")
    swift = Path(os.path.realpath(shutil.which("swift"))).parent.parent
    copy_license(swift / "share/swift/LICENSE.txt", licenses / "swift/LICENSE.txt")
    parser = "swift-argument-parser"
    copy_license(ROOT / f".build/checkouts/{parser}/LICENSE.txt", licenses / parser / "LICENSE.txt")
    named = set()
    for path in licenses.rglob("copyright"):
        named.update(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", path.read_text(errors="replace")))
    for name in sorted(named):
        if (source := Path("/usr/share/common-licenses") / name).exists():
            copy_license(source, licenses / "common-licenses" / name)


def libraries_text(program, rows, fonts, certificates, ffmpeg_version, configuration, glibc):
    width = max(len(row[0]) for row in rows)
    table = "\n".join(f"  {name:{width}}  {package} {version}" for name, package, version in rows)
    return f"""What is in this wheel

vitvideo {output(program, "--version").strip()}, licensed under Apache-2.0, with the Swift runtime and Foundation
linked in, and the libraries below: Debian's binaries, in which only the path where they look for each other was changed,
and in libstdc++ and libexpat where arc4random comes from: {ARC4RANDOM}, a part of vitvideo, has it for glibc before 2.36.
Nothing of the system is used but glibc {glibc} or newer.

{table}
  {fonts[0]}, {certificates[0]}

The files lib{{avcodec,avfilter,avformat,avutil,swresample,swscale}} are FFmpeg, built from Debian's source package
ffmpeg {ffmpeg_version} with

  {configuration}

As a whole the wheel is licensed under {LICENSE}: libx264 and libx265 are under the GPL, version 2 or later, and OpenSSL
is under Apache-2.0, which goes together with version 3. The licence of each part is in licenses/ of the
dist-info directory. The sources are Debian's source packages of the same versions; vitvideo's repository has
the script that builds FFmpeg and this wheel.
"""


def main(program, ffmpeg, pure, build, dist):
    unpacked = build / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    output(sys.executable, "-m", "wheel", "unpack", "--dest", unpacked, pure)
    tree = next(unpacked.iterdir())
    package, info = tree / "vitvideo", next(tree.glob("*.dist-info"))
    binary, library, share = package / "bin/vitvideo", package / "lib", package / "share/vitvideo"
    for directory in [binary.parent, library, share / "fonts"]:
        directory.mkdir(parents=True)

    libraries = find_libraries(program, ffmpeg / "lib")
    shutil.copyfile(program, binary)
    output("strip", binary)
    binary.chmod(0o755)
    # The older kind of path, which comes before LD_LIBRARY_PATH.
    output("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib", binary)
    output("cc", "-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-s", f"-Wl,-soname,{ARC4RANDOM}",
           HERE / "arc4random.c", "-o", library / ARC4RANDOM)
    for name, path in libraries.items():
        shutil.copyfile(path, library / name)
        if free_from_newer_glibc(library / name):
            output("patchelf", "--add-needed", ARC4RANDOM, library / name)
        output("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN", library / name)

    for font in FONTS:
        shutil.copyfile(FONT_DIRECTORY / font, share / "fonts" / font)
    shutil.copyfile(HERE / "fonts.conf", share / "fonts.conf")
    # Of the package alone: the system's bundle may hold certificates of the machine's own.
    certificates = sorted(CERTIFICATES.glob("*.crt"))
    (share / "certificates.pem").write_text("".join(path.read_text().rstrip() + "\n" for path in certificates))

    glibc, askers = newest_glibc([binary, *library.iterdir()])
    glibc = "{}.{}".format(*glibc)
    rows, packages = [], {"fonts-dejavu-core", "ca-certificates"}
    source = next(path for path in ffmpeg.glob("ffmpeg-*") if path.is_dir())
    ffmpeg_version = (ffmpeg / "lib/made").read_text().split()[0]
    for name, path in libraries.items():
        if path.is_relative_to(ffmpeg):
            rows.append((name, "ffmpeg", ffmpeg_version))
        else:
            owner, version = package_of(path)
            packages.add(owner)
            rows.append((name, owner, version))
    configuration = re.search(r'^FFMPEG_CONFIGURATION=(.*)$', (source / "ffbuild/config.mak").read_text(), re.M)[1]
    configuration = re.sub(r" *--prefix=\S+", "", configuration).strip().replace(" --", "\n  --")
    others = [" ".join(package_of(path)) for path in [FONT_DIRECTORY / FONTS[0], certificates[0]]]
    (share / "LIBRARIES.txt").write_text(libraries_text(
        program, rows, others[:1], others[1:], ffmpeg_version, configuration, glibc))
    collect_licenses(packages, source, info / "licenses")

    # Licence expressions came with version 2.4 of the metadata.
    header, _, body = (info / "METADATA").read_text().partition("\n\n")
    lines = [line for line in header.splitlines() if not line.startswith(("License", "Metadata-Version"))]
    files = sorted(path.relative_to(info / "licenses") for path in (info / "licenses").rglob("*") if path.is_file())
    lines = ["Metadata-Version: 2.4", *lines, f"License-Expression: {LICENSE}"]
    lines += [f"License-File: {path}" for path in files]
    (info / "METADATA").write_text("\n".join(lines) + f"\n\n{body}")
    wheel = (info / "WHEEL").read_text()
    wheel = re.sub(r"^Root-Is-Purelib: .*$", "Root-Is-Purelib: false", wheel, flags=re.M)
    wheel = re.sub(r"^Tag: .*\n", "", wheel, flags=re.M).rstrip()
    (info / "WHEEL").write_text(f"{wheel}\nTag: py3-none-manylinux_{glibc.replace('.', '_')}_x86_64\n")

    dist.mkdir(parents=True, exist_ok=True)
    for old in dist.glob("*.whl"):
        old.unlink()
    output(sys.executable, "-m", "wheel", "pack", "--dest-dir", dist, tree)
    made = next(dist.glob("*.whl"))
    size, unpacked_size = made.stat().st_size, sum(p.stat().st_size for p in tree.rglob("*") if p.is_file())
    print(f"{made}: {size / 1e6:.1f} MB, unpacked {unpacked_size / 1e6:.1f} MB, {len(libraries)} libraries; "
          f"glibc {glibc} for {', '.join(askers)}")
    if size > LIMIT:
        sys.exit(f"wheel.py: {made} is larger than {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*(Path(argument).resolve() for argument in sys.argv[1:]))
