import Base
import NumPy

/// A finite value beyond the range of float16, ±65504. It is stored as infinity, as rounding to nearest has it.
package struct ArrayOverflow: Sendable, Equatable {
    package let array: String
    /// Rows before that of the value.
    package let row: Int
    package let value: Float
}

/// An array of an `ArrayArchive`. It belongs to the archive's thread.
package final class GrowingArray {
    package let description: ArchivedArray
    /// Rows so far.
    package private(set) var rowCount = 0
    private let rows: any ArrayRows
    private let path: String
    /// Nil once it has been called.
    private var onOverflow: ((ArrayOverflow) -> Void)?
    private let rowElementCount: Int

    init(
        _ description: ArchivedArray, rows: any ArrayRows, path: String,
        onOverflow: @escaping (ArrayOverflow) -> Void
    ) {
        self.description = description
        self.rows = rows
        self.path = path
        self.onOverflow = onOverflow
        rowElementCount = description.rowShape.reduce(1, *)
    }

    /// Appends rows to an array of float32 or float16. The latter gets each value rounded to the nearest, and of two
    /// equally near ones to the one with an even last bit (IEEE 754, 4.3.1), as NumPy's `astype` and PyTorch's `half`
    /// round; what is beyond its range is stored as infinity.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where the array holds another type or the values are no whole rows,
    ///   `inputOutput` where writing fails.
    package func append(_ values: [Float]) throws {
        guard description.element == .float16 else { return try append(values, .float32) }
        try append(values.map { Float16($0) }, .float16)
        guard let onOverflow,
            let place = values.firstIndex(where: { $0.isFinite && Float16($0).isInfinite })
        else { return }
        self.onOverflow = nil
        let rowsBefore = rowCount - values.count / rowElementCount
        onOverflow(
            ArrayOverflow(
                array: description.name, row: rowsBefore + place / rowElementCount, value: values[place]))
    }

    /// Appends rows of Float64; throws as the other `append`.
    package func append(_ values: [Double]) throws { try append(values, .float64) }

    /// Appends rows of Int64; throws as the other `append`.
    package func append(_ values: [Int64]) throws { try append(values, .int64) }

    private func append<Value: BitwiseCopyable>(_ values: [Value], _ type: ElementType) throws {
        let name = quoted(description.name)
        guard description.element == type else {
            throw failure("array \(name) holds \(description.element), not \(type)")
        }
        guard values.count % rowElementCount == 0 else {
            throw failure("array \(name): \(values.count) values are no whole rows of \(rowElementCount)")
        }
        try values.withUnsafeBytes(rows.appendBytes)
        rowCount += values.count / rowElementCount
    }

    private func failure(_ reason: String) -> VitvideoError {
        VitvideoError(.badData, cannot: "write", path: path, reason: reason)
    }
}
