/// Numbers in the bytes of a file; nil beyond their end.
struct FileBytes {
    private let bytes: UnsafeRawBufferPointer
    let isBigEndian: Bool

    /// - Parameter bytes: must outlive this value.
    init(_ bytes: UnsafeRawBufferPointer, isBigEndian: Bool = true) {
        self.bytes = bytes
        self.isBigEndian = isBigEndian
    }

    var count: Int { bytes.count }

    /// The unsigned number of `size` bytes, 8 at most, at an offset.
    func number(at offset: Int, size: Int) -> Int? {
        guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { return nil }
        var value: UInt64 = 0
        for place in 0..<size {
            value = value << 8 | UInt64(bytes[offset + (isBigEndian ? place : size - 1 - place)])
        }
        return Int(exactly: value)
    }

    /// Whether the text stands at an offset.
    func has(_ text: StaticString, at offset: Int = 0) -> Bool {
        let wanted = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return part(at: offset, count: wanted.count)?.elementsEqual(wanted) ?? false
    }

    /// A part of the bytes.
    func part(at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, count >= 0, count <= bytes.count, offset <= bytes.count - count else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
