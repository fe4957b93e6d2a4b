import Base
import ViT

/// The same values under other axes. Output and input are one piece of memory.
struct Reshape: Operator {
    let name = "Reshape"
    let shape: Shape
    private let from: Shape

    /// - Throws: `VitvideoError` of kind `badData` where the counts differ.
    init(_ from: Shape, to shape: Shape) throws {
        guard from.count == shape.count else {
            throw VitvideoError.badData("\(from) cannot be seen as \(shape)")
        }
        (self.from, self.shape) = (from, shape)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        if UnsafePointer(out) != inputs[0] { out.update(from: inputs[0], count: shape.count) }
    }

    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let gradient = gradients[0] else { return }
        for i in 0..<shape.count { gradient[i] += call.outGradient[i] }
    }

    /// Axes that make each other up go together: of those, places are written out unless they are the same along all.
    func places(_ inputs: [Places]) -> Places? { inputs[0].map(moved) }

    private func moved(_ places: PlaceTensor) -> PlaceTensor {
        if !places.varies { return PlaceTensor(places.values.first ?? .none, rank: shape.rank) }
        var (sizes, written) = ([Int](), [Int](repeating: 1, count: from.rank))
        for (before, after) in Self.groups(from.sizes, shape.sizes) {
            if before.contains(where: { places.varies(along: $0) }) {
                for axis in before { written[axis] = from[axis] }
                sizes += shape.sizes[after]
            } else {
                sizes += [Int](repeating: 1, count: after.count)
            }
        }
        let values = places.expanded { written[$0] }.values
        return PlaceTensor(sizes: sizes, values: values).reduced()
    }

    /// Runs of axes, before and after, of the same number of values.
    static func groups(_ before: [Int], _ after: [Int]) -> [(Range<Int>, Range<Int>)] {
        var groups: [(Range<Int>, Range<Int>)] = []
        var (b, a) = (0, 0)
        while b < before.count || a < after.count {
            let (firstB, firstA) = (b, a)
            var (countB, countA) = (1, 1)
            if b < before.count {
                countB = before[b]
                b += 1
            }
            if a < after.count {
                countA = after[a]
                a += 1
            }
            while countB != countA {
                if countB < countA, b < before.count {
                    countB *= before[b]
                    b += 1
                } else if a < after.count {
                    countA *= after[a]
                    a += 1
                } else if b < before.count {
                    countB *= before[b]
                    b += 1
                } else {
                    break
                }
            }
            groups.append((firstB..<b, firstA..<a))
        }
        return groups
    }
}
