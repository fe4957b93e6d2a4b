import CKernels
import Glibc

/// The rotary positions of one patch grid.
///
/// With the periods p_k, k = 0 … d/4 − 1, a patch's d/2 angles are [2πy/p_k …, 2πx/p_k …], where y and x are its
/// coordinates: in row i of H and column j of W
///
/// - centered (DINOv3's `RopePositionEmbedding`, "separate" normalization): y = 2(i + ½)/H − 1, x = 2(j + ½)/W − 1;
/// - reference (EVA-02's `VisionRotaryEmbedding`, timm's `RotaryEmbeddingCat`): 2πy = i·S/H, 2πx = j·S/W with the
///   reference's side S.
///
/// A pair (a, b) of a head's query or key becomes (a·cos − b·sin, b·cos + a·sin): of halves channels i and i + d/2, of
/// neighbors 2i and 2i + 1, with the angle i. Prefix tokens stay as they are. The rotation R is orthogonal: its
/// reverse, which a gradient takes, is the rotation by −angle.
struct Rotation: Sendable {
    private let prefix: Int
    private let heads: Int
    private let headWidth: Int
    private let pairs: RotaryPositions.Pairs
    /// `patches × d/2`.
    private let cosines: [Float]
    private let sines: [Float]

    /// The periods that are computed where the weights hold none, p_k = base^(2k/(d/2)).
    static func periods(base: Float, headWidth: Int) -> [Double] {
        let quarter = headWidth / 4
        return (0..<quarter).map { pow(Double(base), Double($0) / Double(quarter)) }
    }

    /// - Parameter periods: a quarter of a head's width.
    init(
        _ positions: RotaryPositions, configuration c: Configuration, periods: [Double], rows: Int,
        columns: Int
    ) {
        precondition(
            !periods.isEmpty && c.headWidth == 4 * periods.count, "rotary heads have a width of four parts")
        prefix = c.specialTokens
        heads = c.heads
        headWidth = c.headWidth
        pairs = positions.pairs
        func angles(_ index: Int, of count: Int) -> [Double] {
            let turns =
                switch positions.coordinates {
                case .centered: 2 * .pi * (2 * (Double(index) + 0.5) / Double(count) - 1)
                case .reference(let side): Double(index) * Double(side) / Double(count)
                }
            return periods.map { turns / $0 }
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
        let rotate =
            switch pairs {
            case .halves: vv_rotate_halves
            case .neighbors: vv_rotate_neighbors
            }
        forPatches(of: tokens) { skipped, count, cosines, sines in
            rotate(
                x + skipped * stride, stride, cosines, sines, count, parts * heads, headWidth,
                direction.rawValue)
        }
    }

    /// The same on bfloat16, computed in 32-bit floats.
    func apply(toBFloat16 x: UnsafeMutablePointer<UInt16>, stride: Int, tokens: Range<Int>, parts: Int) {
        let rotate =
            switch pairs {
            case .halves: vv_rotate_halves_bf16
            case .neighbors: vv_rotate_neighbors_bf16
            }
        forPatches(of: tokens) { skipped, count, cosines, sines in
            rotate(x + skipped * stride, stride, cosines, sines, count, parts * heads, headWidth)
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
