/// Appends values to bytes, numbers as the machine holds them.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write<Value: BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes += $0 }
    }

    /// The count, then the elements.
    mutating func write<Value: BitwiseCopyable>(_ values: [Value]) {
        write(values.count)
        values.withUnsafeBytes { bytes += $0 }
    }

    mutating func write(_ text: String) { write(Array(text.utf8)) }

    /// A count, then each element as the body writes it.
    mutating func write<Element>(_ elements: [Element], _ body: (inout ByteWriter, Element) -> Void) {
        write(elements.count)
        for element in elements { body(&self, element) }
    }
}

/// Takes the values off again that a `ByteWriter` wrote. No length is believed before it is compared with what is
/// left.
struct ByteReader {
    /// The bytes are not those of a writer.
    struct Malformed: Error {}

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    /// - Throws: `Malformed`, as all of these.
    mutating func read<Value: BitwiseCopyable>(_: Value.Type = Value.self) throws -> Value {
        let size = MemoryLayout<Value>.size
        guard size <= bytes.count - position else { throw Malformed() }
        defer { position += size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Value.self) }
    }

    mutating func readArray<Value: BitwiseCopyable>(of _: Value.Type = Value.self) throws -> [Value] {
        let count = try readCount(elementSize: MemoryLayout<Value>.stride)
        let size = count * MemoryLayout<Value>.stride
        defer { position += size }
        return bytes.withUnsafeBytes { source in
            [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[position..<position + size]))
                initialized = count
            }
        }
    }

    mutating func readText() throws -> String {
        String(decoding: try readArray(of: UInt8.self), as: UTF8.self)
    }

    mutating func readElements<Element>(
        _ body: (inout ByteReader) throws -> Element
    ) throws -> [Element] {
        try (0..<readCount(elementSize: 1)).map { _ in try body(&self) }
    }

    private mutating func readCount(elementSize: Int) throws -> Int {
        let count = try read(Int.self)
        guard count >= 0, count <= (bytes.count - position) / elementSize else { throw Malformed() }
        return count
    }
}
