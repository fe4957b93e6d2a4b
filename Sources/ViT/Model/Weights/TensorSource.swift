import Base
import Checkpoints

/// A tensor of a file as a whole canonical tensor or one of several parts of it.
struct TensorSource: Sendable {
    /// As the file has it.
    let name: String
    /// Its place among the parts, which are stacked along the first axis.
    let part: Int
    /// From the stored axes to the canonical ones; nil where they are the same.
    let order: AxisOrder?
    /// The stored shape.
    let stored: [Int]

    /// The shape after rearranging; the stored one where the order does not apply to it.
    var shape: [Int] { order?.shape(of: stored) ?? stored }

    /// Nil where the checkpoint has no such tensor.
    init?(_ name: String, part: Int = 0, order: AxisOrder? = nil, in checkpoint: Checkpoint) {
        guard let stored = checkpoint[name]?.shape else { return nil }
        (self.name, self.part, self.order, self.stored) = (name, part, order, stored)
    }

    /// In canonical order, row-major.
    ///
    /// - Throws: as `Checkpoint.finiteFloats`.
    func values(in checkpoint: Checkpoint) throws -> [Float] {
        let values = try checkpoint.finiteFloats(name)
        guard let order, order.shape(of: stored) != nil else { return values }
        return order.rearranged(values, shape: stored)
    }
}

extension [TensorSource] {
    /// The shape of the parts stacked; nil where there are none.
    var stackedShape: [Int]? {
        guard var shape = first?.shape else { return nil }
        if count > 1, !shape.isEmpty { shape[0] = reduce(0) { $0 + ($1.shape.first ?? 0) } }
        return shape
    }
}

extension Checkpoint {
    /// A tensor's values as they are stored.
    ///
    /// - Throws: `VitvideoError` where it cannot be read or holds a NaN or an infinity.
    func finiteFloats(_ name: String) throws -> [Float] {
        let values = try floats(name)
        if let index = FiniteValues.firstOther(values) {
            try locating("use tensor \(quoted(name)) of", path) {
                throw VitvideoError.weightNotFinite(values[index], at: index)
            }
        }
        return values
    }
}
