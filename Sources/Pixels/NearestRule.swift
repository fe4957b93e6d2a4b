/// Which source sample is the nearest one. The rules differ where a sample lies on a border between two, and `corner`
/// by half a sample.
package enum NearestRule: Sendable {
    /// Pillow's `NEAREST`: the source under each center, (i + ½) · scale added up in double precision.
    case pillow
    /// PyTorch's `nearest-exact`: the same center in single precision.
    case exact
    /// PyTorch's `nearest`: the source under each top left corner, i · scale in single precision.
    case corner

    /// The source of each of `length` samples.
    package func sources(from source: Int, to length: Int) -> [Int] {
        switch self {
        case .pillow:
            let scale = Double(source) / Double(length)
            var position = 0.5 * scale
            return (0..<length).map { _ in
                defer { position += scale }
                return min(source - 1, Int(position))
            }
        case .exact:
            let scale = Float(source) / Float(length)
            return (0..<length).map { index in
                let position = max(0, scale * (Float(index) + 0.5) - 0.5)
                return min(source - 1, Int(position + 0.5))
            }
        case .corner:
            let scale = Float(source) / Float(length)
            return (0..<length).map { min(source - 1, Int(Float($0) * scale)) }
        }
    }
}

extension IndexMask {
    /// The mask at another size, each pixel that of the nearest one.
    ///
    /// - Precondition: no side is 0.
    package func resized(height: Int, width: Int, _ rule: NearestRule) -> IndexMask {
        if height == self.height && width == self.width { return self }
        let rows = rule.sources(from: self.height, to: height)
        let columns = rule.sources(from: self.width, to: width)
        let resized = [UInt8](unsafeUninitializedCapacity: height * width) { out, count in
            indices.withUnsafeBufferPointer { from in
                for y in 0..<height {
                    let row = rows[y] * self.width
                    for x in 0..<width { out[y * width + x] = from[row + columns[x]] }
                }
            }
            count = height * width
        }
        return IndexMask(height: height, width: width, indices: resized)
    }

    /// The largest number in it; 0 where there is no object.
    package var largestIndex: Int { Int(indices.max() ?? 0) }
}
