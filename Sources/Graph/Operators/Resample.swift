import Base

/// y = M·x along one axis, with few values in each row of M: resampling of a picture.
struct Resample: Operator {
    let name = "Resize"
    let shape: Shape
    private let axis: Int
    private let outer: Int
    private let inner: Int
    private let length: Int
    private let taps: [[(index: Int, weight: Float)]]

    /// - Parameter taps: of each value of the output, what it is made of.
    /// - Throws: `VitvideoError` of kind `badData` for an axis that is not there.
    init(_ x: Shape, axis: Int, taps: [[(index: Int, weight: Float)]]) throws {
        self.axis = try x.axis(axis)
        self.taps = taps
        length = x[self.axis]
        shape = try x.replacing(self.axis, by: taps.count)
        outer = x.count(of: 0..<self.axis)
        inner = x.count(of: self.axis + 1..<x.rank)
    }

    func forward(
        _ out: UnsafeMutablePointer<Float>, _ inputs: [UnsafePointer<Float>], _ context: GraphContext
    ) {
        out.update(repeating: 0, count: shape.count)
        forEachTap { to, from, weight in
            for i in 0..<inner { out[to + i] += weight * inputs[0][from + i] }
        }
    }

    /// dx += Mᵀ·dy.
    func backward(
        _ gradients: [UnsafeMutablePointer<Float>?], _ call: BackwardCall, _ context: GraphContext
    ) {
        guard let dx = gradients[0] else { return }
        forEachTap { to, from, weight in
            for i in 0..<inner { dx[from + i] += weight * call.outGradient[to + i] }
        }
    }

    @inline(__always)
    private func forEachTap(_ body: (_ to: Int, _ from: Int, _ weight: Float) -> Void) {
        for o in 0..<outer {
            for (place, row) in taps.enumerated() {
                for tap in row {
                    body((o * taps.count + place) * inner, (o * length + tap.index) * inner, tap.weight)
                }
            }
        }
    }

    /// Where a whole number of values become one, it stands for all of them; where one becomes a whole number of values, each
    /// stands for its share of the rectangle. Else a value stands for what its heaviest part stands for.
    func places(_ inputs: [Places]) -> Places? {
        let count = taps.count
        let heaviest = taps.map { row in row.max { abs($0.weight) < abs($1.weight) }?.index ?? 0 }
        return inputs[0].map { places in
            guard places.varies(along: axis) || length == 1, count > 0, length > 0 else { return places }
            let inner = places.sizes[(axis + 1)...].reduce(1, *)
            let outer = places.sizes[..<axis].reduce(1, *)
            var values: [Place] = []
            for o in 0..<outer {
                for (target, heaviest) in heaviest.enumerated() {
                    for i in 0..<inner {
                        func at(_ index: Int) -> Place { places.values[(o * length + index) * inner + i] }
                        let place =
                            if length % count == 0 {
                                (target * length / count..<(target + 1) * length / count)
                                    .reduce(Place.none) { $0.union(at($1)) }
                            } else if count % length == 0 {
                                at(target * length / count).share(
                                    target % (count / length), of: count / length,
                                    alongRows: axis == shape.rank - 2)
                            } else {
                                at(heaviest)
                            }
                        values.append(place)
                    }
                }
            }
            var sizes = places.sizes
            sizes[axis] = count
            return PlaceTensor(sizes: sizes, values: values).reduced()
        }
    }
}

extension Place {
    /// One of equal parts of a rectangle along a side; anything else whole.
    fileprivate func share(_ index: Int, of count: Int, alongRows: Bool) -> Place {
        guard let pixels else { return self }
        func share(_ range: Range<Int>) -> Range<Int> {
            let low = range.lowerBound + index * range.count / count
            return low..<max(range.lowerBound + (index + 1) * range.count / count, low + 1)
        }
        return alongRows
            ? Place(rows: share(pixels.rows), columns: pixels.columns)
            : Place(rows: pixels.rows, columns: share(pixels.columns))
    }
}
