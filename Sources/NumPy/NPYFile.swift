import Base

/// A whole `.npy` file in memory.
package enum NPYFile {
    /// A file of 32-bit floats, row-major, little-endian; its header ends at a multiple of 64 bytes.
    ///
    /// - Precondition: there are as many values as the shape says.
    package static func bytes(of values: [Float], shape: [Int]) -> [UInt8] {
        precondition(values.count == shape.reduce(1, *), "as many values as the shape says")
        var bytes = NPYHeader.encode(element: .number(.float32), shape: shape)
        values.withUnsafeBytes { bytes += $0 }
        return bytes
    }
}
