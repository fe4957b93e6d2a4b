import Base
import Files
import Glibc

/// A growing array of an `NPZWriter`, spooled to a nameless temporary file. It belongs to the writer's thread.
package final class NPZArrayWriter {
    package let name: String
    package let element: NPYElement
    /// The dimensions behind the growing one.
    package let rowShape: [Int]
    /// Rows so far.
    package private(set) var rowCount = 0

    private let outputPath: String
    private let rowByteCount: Int
    private let headerByteCount: Int
    private let spool: SpoolFile

    init(name: String, element: NPYElement, rowShape: [Int], outputPath: String) throws {
        self.name = name
        self.element = element
        self.rowShape = rowShape
        self.outputPath = outputPath
        rowByteCount = try element.byteCount(ofShape: rowShape)
        guard rowByteCount > 0 else {
            throw VitvideoError.badData("rows of array \(quoted(name)) have the shape \(rowShape)")
        }
        let header = Self.header(element, rowShape, rowCount: 0)
        headerByteCount = header.count

        spool = try SpoolFile(beside: outputPath)
        try header.withUnsafeBytes(spool.write)
    }

    /// Appends rows of Float32.
    /// - Throws: `VitvideoError` where the array holds another type, the values are no whole rows, or writing
    ///   fails.
    package func append(_ values: [Float]) throws { try append(values, .float32) }
    /// Appends rows of Float64; throws as the other `append`.
    package func append(_ values: [Double]) throws { try append(values, .float64) }
    /// Appends rows of Int64; throws as the other `append`.
    package func append(_ values: [Int64]) throws { try append(values, .int64) }
    /// Appends rows of Int32; throws as the other `append`.
    package func append(_ values: [Int32]) throws { try append(values, .int32) }
    /// Appends rows of UInt8; throws as the other `append`.
    package func append(_ values: [UInt8]) throws { try append(values, .uint8) }

    /// Appends rows of Float32 that are lent; throws as the other `append`.
    package func append(_ values: UnsafeBufferPointer<Float>) throws {
        try check(.float32)
        try appendBytes(UnsafeRawBufferPointer(values))
    }

    private func append<Value: BitwiseCopyable>(_ values: [Value], _ type: ElementType) throws {
        try check(type)
        try values.withUnsafeBytes(appendBytes)
    }

    private func check(_ type: ElementType) throws {
        guard element == .number(type) else {
            throw failure(.badData, "array \(quoted(name)) holds \(element), not \(type)")
        }
    }

    /// Appends rows of whatever type the array holds, little-endian; throws as the other `append`.
    package func appendBytes(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count % rowByteCount == 0 else {
            throw failure(
                .badData,
                "array \(quoted(name)): \(bytes.count) bytes are no whole rows of \(rowByteCount)")
        }
        try spool.write(bytes)
        rowCount += bytes.count / rowByteCount
    }

    /// Writes the final shape into the header and hands the file on, positioned at its beginning. The receiver closes it.
    func takeSpool() throws -> UnsafeMutablePointer<FILE> {
        try spool.rewind()
        try Self.header(element, rowShape, rowCount: rowCount).withUnsafeBytes { header in
            precondition(header.count == headerByteCount, "the header is padded for any count of rows")
            try spool.write(header)
        }
        return try spool.take()
    }

    /// Drops the file and what is in it.
    func discard() { spool.discard() }

    private func failure(_ kind: VitvideoError.Kind, _ reason: String) -> VitvideoError {
        VitvideoError(kind, cannot: "write", path: outputPath, reason: reason)
    }

    private static func header(_ element: NPYElement, _ rowShape: [Int], rowCount: Int) -> [UInt8] {
        NPYHeader.encode(element: element, shape: [rowCount] + rowShape, reservingRows: true)
    }
}
