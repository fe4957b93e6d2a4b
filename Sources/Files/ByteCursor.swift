import Base

/// Reads forward through bytes that may lie about themselves: every read is checked and throws at the end of the
/// data. It borrows the bytes and must not outlive the closure that lent them.
package struct ByteCursor {
    package let bytes: UnsafeRawBufferPointer
    package private(set) var position: Int

    package init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = min(max(position, 0), bytes.count)
    }

    package var remaining: Int { bytes.count - position }

    /// The next byte without consuming it; nil at the end.
    package var next: UInt8? { remaining > 0 ? bytes[position] : nil }

    /// Steps over the byte that `next` has shown.
    package mutating func skip() { position = min(position + 1, bytes.count) }

    package mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw VitvideoError.badData("it ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next `count` bytes, still borrowed.
    package mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else { throw VitvideoError.badData("it ends too early") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    package mutating func littleEndian<Integer: FixedWidthInteger>(_: Integer.Type) throws -> Integer {
        let raw = try take(MemoryLayout<Integer>.size)
        return Integer(littleEndian: raw.loadUnaligned(as: Integer.self))
    }

    /// The bytes up to the next `\n`, which is consumed and left out.
    package mutating func line() throws -> UnsafeRawBufferPointer {
        var end = position
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end < bytes.count else { throw VitvideoError.badData("it ends too early") }
        let result = try take(end - position)
        position += 1
        return result
    }
}
