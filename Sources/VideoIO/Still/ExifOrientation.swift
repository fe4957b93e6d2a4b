/// The orientation that cameras write into a picture file as Exif data.
enum ExifOrientation {
    /// - Parameter bytes: a PNG file. The `eXIf` chunk: https://www.w3.org/TR/png-3/#eXIf
    static func inPNG(_ bytes: UnsafeRawBufferPointer) -> Orientation? {
        let file = FileBytes(bytes)
        guard file.number(at: 0, size: 4) == 0x8950_4e47 else { return nil }
        var place = 8
        while let length = file.number(at: place, size: 4), !file.has("IEND", at: place + 4) {
            if file.has("eXIf", at: place + 4) {
                return file.part(at: place + 8, count: length).flatMap(read)
            }
            place += 12 + length
        }
        return nil
    }

    /// - Parameter bytes: a JPEG file. Exif 2.32, 4.5.4: an application segment before the picture's data.
    static func inJPEG(_ bytes: UnsafeRawBufferPointer) -> Orientation? {
        let file = FileBytes(bytes)
        guard file.number(at: 0, size: 2) == 0xffd8 else { return nil }
        var place = 2
        while let marker = file.number(at: place, size: 2), marker > 0xff00, marker != 0xffda {
            // Fill bytes, and markers without a length.
            if marker == 0xffff {
                place += 1
                continue
            }
            if (0xffd0...0xffd8).contains(marker) || marker == 0xff01 {
                place += 2
                continue
            }
            guard let length = file.number(at: place + 2, size: 2), length >= 2 else { return nil }
            if marker == 0xffe1, file.has("Exif", at: place + 4) {
                return file.part(at: place + 4, count: length - 2).flatMap(read)
            }
            place += 2 + length
        }
        return nil
    }

    /// - Parameter bytes: Exif data, with or without the name that JPEG puts before it.
    private static func read(_ bytes: UnsafeRawBufferPointer) -> Orientation? {
        let named = FileBytes(bytes).has("Exif")
        let data = named ? UnsafeRawBufferPointer(rebasing: bytes.dropFirst(6)) : bytes
        return TIFFStructure(data, limit: 1)?.directories.first?.orientation.flatMap(Orientation.init(exif:))
    }
}
