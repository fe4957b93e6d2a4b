/// The directories of a TIFF file, one a page, or of Exif data, which are built alike.
///
/// TIFF 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf
struct TIFFStructure {
    /// What is known of a page.
    struct Directory {
        /// Where the directory lies in the file.
        let offset: Int
        fileprivate let numbers: [Int: Int]
        /// The luma that is black, of a page in YCbCr.
        let blackLuma: Int

        /// The value of a tag that holds one whole number.
        subscript(tag: Int) -> Int? { numbers[tag] }

        /// 1 to 8, as cameras write it.
        var orientation: Int? { self[274] }

        /// Whether it is a smaller copy of another page, or its mask.
        var isAuxiliary: Bool { (self[254] ?? 0) & 0b101 != 0 || self[255] == 2 }
    }

    let isBigEndian: Bool
    private(set) var directories: [Directory] = []
    /// Whether it is a digital negative, whose pictures FFmpeg finds by itself.
    private(set) var isRaw = false

    /// - Parameters:
    ///   - bytes: the whole file, or Exif data from its byte order mark on.
    ///   - limit: how many directories to read.
    /// - Returns: nil where the bytes begin otherwise.
    init?(_ bytes: UnsafeRawBufferPointer, limit: Int = 100_000) {
        let head = FileBytes(bytes)
        isBigEndian = head.has("MM")
        let file = FileBytes(bytes, isBigEndian: isBigEndian)
        guard isBigEndian || head.has("II"), file.number(at: 2, size: 2) == 42 else { return nil }
        // Directories may form a ring.
        var seen: Set<Int> = []
        var place = 4
        while directories.count < limit, let offset = file.number(at: place, size: 4), offset > 0,
            seen.insert(offset).inserted, let entries = file.number(at: offset, size: 2)
        {
            var numbers: [Int: Int] = [:]
            var blackLuma = 0
            for entry in 0..<entries {
                let start = offset + 2 + entry * 12
                // DNGVersion.
                if file.number(at: start, size: 2) == 50_706 { isRaw = true }
                // ReferenceBlackWhite: six fractions, which lie elsewhere.
                if file.number(at: start, size: 2) == 532, let there = file.number(at: start + 8, size: 4),
                    let top = file.number(at: there, size: 4),
                    let bottom = file.number(at: there + 4, size: 4),
                    bottom > 0
                {
                    blackLuma = top / bottom
                }
                guard let tag = file.number(at: start, size: 2),
                    let type = file.number(at: start + 2, size: 2),
                    file.number(at: start + 4, size: 4) == 1,
                    // Bytes, shorts and longs.
                    let size = [1: 1, 3: 2, 4: 4][type], let number = file.number(at: start + 8, size: size)
                else { continue }
                numbers[tag] = number
            }
            directories.append(Directory(offset: offset, numbers: numbers, blackLuma: blackLuma))
            place = offset + 2 + entries * 12
        }
    }
}
