/// A place for every value of a tensor; an axis along which places do not change has the size 1 here.
package struct PlaceTensor: Sendable, Hashable {
    /// As many as the tensor has axes, each the tensor's size or 1.
    package let sizes: [Int]
    /// Row-major.
    package let values: [Place]

    init(sizes: [Int], values: [Place]) {
        precondition(sizes.reduce(1, *) == values.count)
        self.sizes = sizes
        self.values = values
    }

    /// The same place everywhere.
    init(_ place: Place, rank: Int) {
        self.init(sizes: [Int](repeating: 1, count: rank), values: [place])
    }

    var rank: Int { sizes.count }
    var strides: [Int] { StridedView.strides(of: sizes) }

    func varies(along axis: Int) -> Bool { sizes[axis] > 1 }
    var varies: Bool { values.count > 1 }
    /// Whether everything stands for nothing in particular.
    var isNone: Bool { values.allSatisfy(\.isNone) }

    /// The places seen in another order.
    func viewed(offset: Int = 0, sizes: [Int], strides: [Int]) -> PlaceTensor {
        // Of one place nothing is to be looked at.
        varies
            ? gathered(StridedView(offset: offset, sizes: sizes, strides: strides), sizes)
            : PlaceTensor(values.first ?? .none, rank: rank)
    }

    /// Some along an axis along which places change.
    func sliced(axis: Int, from start: Int, count: Int, step: Int = 1) -> PlaceTensor {
        var (sizes, strides) = (sizes, strides)
        let offset = count == 0 ? 0 : start * strides[axis]
        sizes[axis] = count
        strides[axis] *= step
        return viewed(offset: offset, sizes: sizes, strides: strides)
    }

    /// The same with some axes written out.
    ///
    /// - Parameter size: an axis's size; nil to leave it.
    func expanded(_ size: (_ axis: Int) -> Int?) -> PlaceTensor {
        let wanted = (0..<rank).map { sizes[$0] > 1 ? sizes[$0] : size($0) ?? 1 }
        if wanted == sizes { return self }
        let own = strides
        return gathered(
            StridedView(sizes: wanted, strides: (0..<rank).map { sizes[$0] == 1 ? 0 : own[$0] }), wanted)
    }

    private func gathered(_ view: StridedView, _ sizes: [Int]) -> PlaceTensor {
        var places = [Place](repeating: .none, count: view.count)
        places.withUnsafeMutableBufferPointer { out in
            values.withUnsafeBufferPointer { from in
                guard let to = out.baseAddress, let start = from.baseAddress else { return }
                view.gather(to, from: start)
            }
        }
        return PlaceTensor(sizes: sizes, values: places)
    }

    /// Others' places, each from a start on along an axis; nothing between them.
    ///
    /// - Parameter parts: with these sizes but along the axis.
    init(sizes: [Int], axis: Int, _ parts: [(start: Int, places: PlaceTensor)]) {
        let strides = StridedView.strides(of: sizes)
        var values = [Place](repeating: .none, count: sizes.reduce(1, *))
        values.withUnsafeMutableBufferPointer { out in
            for (start, places) in parts {
                let view = StridedView(offset: start * strides[axis], sizes: places.sizes, strides: strides)
                places.values.withUnsafeBufferPointer { from in
                    guard let to = out.baseAddress, let values = from.baseAddress else { return }
                    view.scatter(to, from: values)
                }
            }
        }
        self.init(sizes: sizes, values: values)
    }

    /// With the size 1 along each axis along which no place changes.
    func reduced() -> PlaceTensor {
        var result = self
        for axis in 0..<rank where sizes[axis] > 1 {
            let inner = result.sizes[(axis + 1)...].reduce(1, *)
            let length = result.sizes[axis]
            let isConstant = result.values.indices.allSatisfy { index in
                let along = index / inner % length
                return result.values[index] == result.values[index - along * inner]
            }
            guard isConstant else { continue }
            var sizes = result.sizes
            sizes[axis] = 1
            result = PlaceTensor(
                sizes: sizes,
                values: result.values.indices.compactMap {
                    $0 / inner % length == 0 ? result.values[$0] : nil
                })
        }
        return result
    }

    /// Place by place what stands for both, axes of 1 stretched.
    func union(_ other: PlaceTensor) -> PlaceTensor { combined(other) { $0.union($1) } }

    func combined(_ other: PlaceTensor, _ combine: (Place, Place) -> Place) -> PlaceTensor {
        let a = expanded { other.sizes[$0] }
        let b = other.expanded { a.sizes[$0] }
        return PlaceTensor(sizes: a.sizes, values: zip(a.values, b.values).map { combine($0, $1) })
    }

    /// What stands for everything along an axis, which gets the size 1.
    func union(along axis: Int) -> PlaceTensor {
        let (length, inner) = (sizes[axis], sizes[(axis + 1)...].reduce(1, *))
        if length == 1 { return self }
        var sizes = sizes
        sizes[axis] = 1
        var places = [Place](repeating: .none, count: values.count / max(length, 1))
        for (index, place) in values.enumerated() {
            let to = index / (inner * length) * inner + index % inner
            places[to] = places[to].union(place)
        }
        return PlaceTensor(sizes: sizes, values: places)
    }

    /// With more axes of 1 in front, as many as make `rank`.
    func padded(to rank: Int) -> PlaceTensor {
        PlaceTensor(sizes: [Int](repeating: 1, count: rank - self.rank) + sizes, values: values)
    }
}
