import Base
import NumPy

/// Named arrays that grow row by row, and texts, on their way to a file or directory that appears under its name only
/// when it is complete. Memory does not depend on how long the arrays get.
///
/// The values are the same in every format; `ArchiveFormat` lists them. An archive belongs to one thread, and so do its
/// arrays.
package protocol ArrayArchive: AnyObject {
    /// The name it gets: the target, where a link was named.
    var path: String { get }

    /// What to remove where the process has to end at once, and with it the files whose names begin with it. Fixed from
    /// the start; it need not exist.
    var temporaryPath: String { get }

    /// Begins an array; what is documented with `array(_:onOverflow:)`.
    func rows(of array: ArchivedArray) throws -> any ArrayRows

    /// Adds a text.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where the name is taken.
    func add(_ name: String, text: String) throws

    /// Completes the archive. Called once; it is spent afterwards, also where it throws.
    ///
    /// - Parameter otherPath: where to on the same file system, if not to the path given at first (for what an
    ///   interrupted run leaves); what is there is replaced.
    /// - Throws: `VitvideoError` of kind `inputOutput` where writing fails, `cannotCreate` where the name has been taken
    ///   meanwhile; nothing is left behind then.
    func finish(as otherPath: String?) throws

    /// Gives up: nothing appears under the output's name.
    func abandon()
}

/// An archive that also takes whole groups of arrays, as many as there are pictures in a folder.
package protocol GroupedArchive: ArrayArchive {
    /// Adds a group, whose arrays grow no more.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where a name is taken or is none, `inputOutput` where writing fails.
    func add(_ group: ArrayGroup) throws
}

/// Where the rows of one array go.
package protocol ArrayRows: AnyObject {
    /// Appends whole rows, elements little-endian.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where the bytes are no whole rows, `inputOutput` where writing fails.
    func appendBytes(_ bytes: UnsafeRawBufferPointer) throws
}

/// What an array of an archive is.
package struct ArchivedArray: Sendable, Equatable {
    package let name: String
    package let element: ElementType
    /// The names of the dimensions, that of the rows first: "frame", "head", "row", "col". Formats without such names
    /// leave them out.
    package let dimensions: [String]
    /// The sizes of the dimensions behind the first.
    package let rowShape: [Int]
    /// Of what unit the values are: "s".
    package let unit: String?
    /// Whether it says where the other arrays' rows lie, as times do.
    package let isCoordinate: Bool

    /// - Parameter dimensions: one more than `rowShape` has.
    package init(
        _ name: String, _ element: ElementType, dimensions: [String], rowShape: [Int] = [],
        unit: String? = nil,
        isCoordinate: Bool = false
    ) {
        self.name = name
        self.element = element
        self.dimensions = dimensions
        self.rowShape = rowShape
        self.unit = unit
        self.isCoordinate = isCoordinate
    }

    /// Bytes of a row.
    ///
    /// - Throws: `VitvideoError` of kind `badData`, without a path, where that is nothing or does not fit an `Int`, and
    ///   where the dimensions are not as many as the sizes or come twice.
    func rowByteCount() throws -> Int {
        let count = try TensorDescription(shape: rowShape, elementType: element).byteCount
        guard count > 0 else {
            throw VitvideoError.badData("rows of array \(quoted(name)) have the shape \(rowShape)")
        }
        guard dimensions.count == rowShape.count + 1, Set(dimensions).count == dimensions.count else {
            throw VitvideoError.badData(
                "array \(quoted(name)) of rows \(rowShape) has the dimensions \(dimensions)")
        }
        return count
    }
}

extension ArrayArchive {
    /// Begins an array.
    ///
    /// - Parameter onOverflow: called once, with the first value that a float16 array cannot hold.
    /// - Throws: `VitvideoError` of kind `badData` where the name is taken, the rows have no bytes, or the dimensions do not
    ///   go with the shape; `cannotCreate` or `inputOutput` where the array cannot be begun.
    package func array(
        _ array: ArchivedArray, onOverflow: @escaping (ArrayOverflow) -> Void = { _ in }
    ) throws -> GrowingArray {
        GrowingArray(array, rows: try rows(of: array), path: path, onOverflow: onOverflow)
    }
}
