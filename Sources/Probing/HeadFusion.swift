import Pixels
import ViT

/// How the maps of several heads become one.
package enum HeadFusion: String, Sendable, CaseIterable {
    case mean
    case min
    case max

    /// - Parameter heads: at least one map, all of one size.
    package func fuse(_ heads: [Plane]) -> Plane {
        precondition(!heads.isEmpty, "fusing needs at least one head")
        var fused = heads[0]
        for head in heads.dropFirst() {
            precondition(head.values.count == fused.values.count, "maps of one size")
            for i in fused.values.indices {
                switch self {
                case .mean: fused.values[i] += head.values[i]
                case .min: fused.values[i] = Swift.min(fused.values[i], head.values[i])
                case .max: fused.values[i] = Swift.max(fused.values[i], head.values[i])
                }
            }
        }
        if self == .mean {
            let scale = 1 / Float(heads.count)
            for i in fused.values.indices { fused.values[i] *= scale }
        }
        return fused
    }
}

extension TokenAttention {
    /// One map per head, in the order of the heads.
    package var planes: [Plane] {
        (0..<heads).map { head in
            Plane(
                height: rows, width: columns,
                values: [Float](values[head * rows * columns..<(head + 1) * rows * columns]))
        }
    }
}
