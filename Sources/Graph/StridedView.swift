/// Some of a tensor's values in an order of their own: where the value at each index of `sizes` lies.
///
/// What layout operators do with values they do with places too, so the moves take any element.
struct StridedView: Sendable {
    private let offset: Int
    /// Sizes and strides without axes of 1, and with axes that follow each other in one stride as one.
    private let sizes: [Int]
    private let strides: [Int]
    /// How many values it shows.
    let count: Int

    init(offset: Int = 0, sizes: [Int], strides: [Int]) {
        self.offset = offset
        count = sizes.reduce(1, *)
        var (merged, mergedStrides): ([Int], [Int]) = ([], [])
        for (size, stride) in zip(sizes, strides) where size != 1 {
            if let last = mergedStrides.last, last == stride * size {
                merged[merged.count - 1] *= size
                mergedStrides[mergedStrides.count - 1] = stride
            } else {
                merged.append(size)
                mergedStrides.append(stride)
            }
        }
        self.sizes = merged
        self.strides = mergedStrides
    }

    /// How far apart neighbors along each axis of so many values lie, row-major.
    static func strides(of sizes: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: sizes.count)
        for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(sizes[axis + 1], 1)
        }
        return strides
    }

    /// A tensor's values in their own order.
    init(_ shape: Shape) { self.init(sizes: shape.sizes, strides: shape.strides) }

    /// out = the values shown, packed.
    func gather<Element: BitwiseCopyable>(
        _ out: UnsafeMutablePointer<Element>, from values: UnsafePointer<Element>
    ) {
        forEachRun { place, start, length, stride in
            let (to, from) = (out + place, values + start)
            if stride == 1 {
                to.update(from: from, count: length)
            } else {
                for i in 0..<length { to[i] = from[i * stride] }
            }
        }
    }

    /// The values shown = packed ones.
    func scatter<Element: BitwiseCopyable>(
        _ values: UnsafeMutablePointer<Element>, from packed: UnsafePointer<Element>
    ) {
        forEachRun { place, start, length, stride in
            let (to, from) = (values + start, packed + place)
            if stride == 1 {
                to.update(from: from, count: length)
            } else {
                for i in 0..<length { to[i * stride] = from[i] }
            }
        }
    }

    /// The values shown += packed ones; several of them may lie in one place.
    func add(_ values: UnsafeMutablePointer<Float>, _ packed: UnsafePointer<Float>) {
        forEachRun { place, start, length, stride in
            let (to, from) = (values + start, packed + place)
            for i in 0..<length { to[i * stride] += from[i] }
        }
    }

    /// packed += the values shown.
    func addGathered(_ packed: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>) {
        forEachRun { place, start, length, stride in
            let (to, from) = (packed + place, values + start)
            for i in 0..<length { to[i] += from[i * stride] }
        }
    }

    /// Calls `body` for each line along the last axis: where it begins when packed, where it begins in the tensor, how long it
    /// is and how far apart its values lie.
    @inline(__always)
    private func forEachRun(_ body: (_ place: Int, _ start: Int, _ length: Int, _ stride: Int) -> Void) {
        guard count > 0 else { return }
        guard let length = sizes.last, let stride = strides.last else { return body(0, offset, 1, 1) }
        let outer = sizes.count - 1
        var index = [Int](repeating: 0, count: outer)
        var (place, start) = (0, offset)
        while true {
            body(place, start, length, stride)
            place += length
            var axis = outer - 1
            while axis >= 0 {
                index[axis] += 1
                start += strides[axis]
                if index[axis] < sizes[axis] { break }
                start -= strides[axis] * sizes[axis]
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
