import CKernels
import Foundation

/// Rotary positions of one patch grid, axial and by halves as in DINOv3 (`RopePositionEmbedding`, "separate"
/// normalization).
///
/// A patch in row i of H and column j of W has the coordinates y = 2(i + ½)/H − 1 and x = 2(j + ½)/W − 1.
/// With the periods p_k, k = 0 … d/4 − 1, its d/2 angles are [2πy/p_k …, 2πx/p_k …]. A head's query or key
/// (x₁, x₂), two halves of d/2, becomes (x₁·cos − x₂·sin, x₂·cos + x₁·sin). Prefix tokens stay as they are. The
/// rotation R is orthogonal: its reverse, which a gradient takes, is the rotation by −angle.
struct Rotation: Sendable {
    private let prefix: Int
    private let heads: Int
    private let headWidth: Int
    /// `patches × d/2`.
    private let cosines: [Float]
    private let sines: [Float]

    /// The periods that are computed where the weights hold none, p_k = base^(2k/(d/2)).
    static func periods(base: Float, headWidth: Int) -> [Double] {
        let quarter = headWidth / 4
        return (0..<quarter).map { pow(Double(base), Double($0) / Double(quarter)) }
    }

    /// - Parameter periods: a quarter of a head's width.
    init(configuration c: Configuration, periods: [Double], rows: Int, columns: Int) {
        precondition(
            !periods.isEmpty && c.headWidth == 4 * periods.count, "rotary heads have a width of four parts")
        prefix = c.specialTokens
        heads = c.heads
        headWidth = c.headWidth
        func angles(_ index: Int, of count: Int) -> [Double] {
            let coordinate = 2 * (Double(index) + 0.5) / Double(count) - 1
            return periods.map { 2 * .pi * coordinate / $0 }
        }
        let all = (0..<rows).flatMap { row in
            (0..<columns).flatMap { column in angles(row, of: rows) + angles(column, of: columns) }
        }
        cosines = all.map { Float(cos($0)) }
        sines = all.map { Float(sin($0)) }
    }

    enum Direction: Float {
        case forward = 1
        case reverse = -1
    }

    /// Rotates the heads of the patches among some tokens in place.
    ///
    /// - Parameters:
    ///   - x: the row of the first of `tokens`; rows lie `stride` floats apart.
    ///   - tokens: indices among all tokens, prefix tokens included.
    ///   - parts: 1 where a row begins with keys or queries (D values), 2 where it begins with both.
    func apply(
        _ direction: Direction = .forward, to x: UnsafeMutablePointer<Float>, stride: Int, tokens: Range<Int>,
        parts: Int
    ) {
        forPatches(of: tokens) { skipped, count, cosines, sines in
            vv_rotate_halves(
                x + skipped * stride, stride, cosines, sines, count, parts * heads, headWidth,
                direction.rawValue)
        }
    }

    /// The same on bfloat16, computed in 32-bit floats.
    func apply(toBFloat16 x: UnsafeMutablePointer<UInt16>, stride: Int, tokens: Range<Int>, parts: Int) {
        forPatches(of: tokens) { skipped, count, cosines, sines in
            vv_rotate_halves_bf16(
                x + skipped * stride, stride, cosines, sines, count, parts * heads, headWidth)
        }
    }

    private func forPatches(
        of tokens: Range<Int>,
        _ body: (
            _ skipped: Int, _ count: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>
        ) -> Void
    ) {
        let first = max(tokens.lowerBound, prefix)
        guard first < tokens.upperBound else { return }
        let offset = (first - prefix) * (headWidth / 2)
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else { return }
                body(first - tokens.lowerBound, tokens.upperBound - first, cosines + offset, sines + offset)
            }
        }
    }
}
