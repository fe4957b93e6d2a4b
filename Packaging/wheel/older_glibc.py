"""Frees a library from the one newer version of glibc that it asks for.

Debian's libstdc++ and libexpat take arc4random from glibc 2.36, and nothing else that new. The demand for that version
is unlinked from the library's list, and the symbols are bound to whoever has them: glibc, else libarc4random.so.0 of the
wheel (arc4random.c).
"""

import struct

from elftools.elf.elffile import ELFFile

VERSION = "GLIBC_2.36"
REPLACED = {"arc4random", "arc4random_buf"}
NEED, AUXILIARY = struct.Struct("<HHIII"), struct.Struct("<IHHII")
# Index of a symbol without version.
GLOBAL = 1


def free_from_newer_glibc(path):
    """Whether the library at `path`, which is changed, asked for `VERSION`.

    Raises `ValueError` where it asks for other symbols of that version.
    """
    with open(path, "r+b") as file:
        elf = ELFFile(file)
        needs, versions = elf.get_section_by_name(".gnu.version_r"), elf.get_section_by_name(".gnu.version")
        symbols = elf.get_section_by_name(".dynsym")
        if needs is None:
            return False
        names = elf.get_section(needs["sh_link"])
        index = None
        start = needs["sh_offset"]
        data = bytearray(needs.data())
        at = 0
        for _ in range(needs["sh_info"]):
            version, count, name, first, following = NEED.unpack_from(data, at)
            previous, here = None, at + first
            for _ in range(count):
                hashed, flags, other, label, next_ = AUXILIARY.unpack_from(data, here)
                if names.get_string(label) == VERSION:
                    if count == 1:
                        raise ValueError(f"{path} asks for nothing but {VERSION} of a library")
                    index = other
                    if previous is None:
                        NEED.pack_into(data, at, version, count - 1, name, first + next_, following)
                    else:
                        fields = AUXILIARY.unpack_from(data, previous)
                        distance = here + next_ - previous if next_ else 0
                        AUXILIARY.pack_into(data, previous, *fields[:4], distance)
                        NEED.pack_into(data, at, version, count - 1, name, first, following)
                previous, here = here, here + next_
            at += following
        if index is None:
            return False
        table = bytearray(versions.data())
        for number, symbol in enumerate(symbols.iter_symbols()):
            if struct.unpack_from("<H", table, 2 * number)[0] & 0x7FFF == index:
                if symbol.name not in REPLACED:
                    raise ValueError(f"{path} asks for {symbol.name} of {VERSION}")
                struct.pack_into("<H", table, 2 * number, GLOBAL)
        file.seek(start)
        file.write(data)
        file.seek(versions["sh_offset"])
        file.write(table)
        return True
