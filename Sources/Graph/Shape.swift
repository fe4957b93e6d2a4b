import Base

/// The sizes of a tensor's axes, outermost first; its values lie row-major. No axes make a single number.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
    package let sizes: [Int]
    /// How many values there are.
    package let count: Int

    /// More values than that are no tensor of a model: 64 GB.
    static let mostValues = 1 << 34

    /// - Throws: `VitvideoError` of kind `badData` for a size below 0, and for more values than memory holds.
    package init(_ sizes: [Int]) throws {
        var count = 1
        for size in sizes {
            guard size >= 0 else { throw VitvideoError.badData("a tensor of \(Self.text(sizes))") }
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard !overflows, product <= Self.mostValues else {
                throw VitvideoError.badData("a tensor of \(Self.text(sizes)) is larger than memory")
            }
            count = product
        }
        self.sizes = sizes
        self.count = count
    }

    package var rank: Int { sizes.count }
    package subscript(axis: Int) -> Int { sizes[axis] }

    /// How far apart neighbors along each axis lie.
    var strides: [Int] { StridedView.strides(of: sizes) }

    /// The axis that an index names, negative indices counting from the end.
    ///
    /// - Throws: `VitvideoError` of kind `badData`.
    package func axis(_ index: Int) throws -> Int {
        guard (-rank..<rank).contains(index) else {
            throw VitvideoError.badData("there is no axis \(index) in \(self)")
        }
        return index < 0 ? index + rank : index
    }

    /// The same sizes but one.
    ///
    /// - Throws: as `init`.
    func replacing(_ axis: Int, by size: Int) throws -> Shape {
        var sizes = sizes
        sizes[axis] = size
        return try Shape(sizes)
    }

    /// The product of some axes' sizes.
    func count(of axes: Range<Int>) -> Int { sizes[axes].reduce(1, *) }

    package var description: String { Self.text(sizes) }

    private static func text(_ sizes: [Int]) -> String {
        sizes.isEmpty ? "a single number" : sizes.map(String.init).joined(separator: "×")
    }
}

extension Shape {
    /// The shape that two shapes are stretched to, as NumPy does it: aligned at their last axes, an axis of 1 taking the
    /// other's size.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where they do not fit.
    static func broadcast(_ a: Shape, _ b: Shape) throws -> Shape {
        let rank = max(a.rank, b.rank)
        var sizes = [Int](repeating: 1, count: rank)
        for place in 1...max(rank, 1) where place <= rank {
            let (x, y) = (
                place <= a.rank ? a[a.rank - place] : 1, place <= b.rank ? b[b.rank - place] : 1
            )
            guard x == y || x == 1 || y == 1 else {
                throw VitvideoError.badData("\(a) and \(b) do not fit together")
            }
            sizes[rank - place] = x == 1 ? y : x
        }
        return try Shape(sizes)
    }

    /// Strides by which a tensor of this shape is read as one of a larger shape: 0 along stretched axes.
    func strides(stretchedTo shape: Shape) -> [Int] {
        let own = strides
        let missing = shape.rank - rank
        return (0..<shape.rank).map { axis in
            axis < missing || sizes[axis - missing] == 1 ? 0 : own[axis - missing]
        }
    }
}
