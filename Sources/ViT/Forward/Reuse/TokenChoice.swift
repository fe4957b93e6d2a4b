/// Chooses the tokens that are computed again.
final class TokenChoice {
    /// The chosen ones in ascending order.
    let tokens: UnsafeMutablePointer<Int32>
    private let count: Int
    private let prefix: Int
    /// How far apart tokens lie that follow one another in turn; it has no divisor in common with `count`.
    private let stride: Int
    private var isChosen: [Bool]

    /// Frames in which every token has its turn.
    private static let turnFrames = 32
    /// The number of chosen tokens is a multiple of this: two tiles of whole register blocks, and few different numbers, as
    /// libraries make a kernel for each.
    private static let unit = 24

    /// - Parameters:
    ///   - count: of all tokens.
    ///   - prefix: how many at the beginning are always chosen.
    init(tokens count: Int, prefix: Int) {
        self.count = count
        self.prefix = prefix
        tokens = .allocate(capacity: max(count, 1))
        isChosen = Array(repeating: false, count: count)
        var stride = max(1, Int(0.618 * Double(count)))
        while Self.divisor(stride, count) > 1 { stride += 1 }
        self.stride = stride
    }

    deinit { tokens.deallocate() }

    /// Rows of chosen tokens that a worker handles together: an even share for two workers or more, and enough rows, where
    /// there are, that reading the weights for them is not what takes the time.
    static func tile(rows: Int) -> Int {
        let parts = rows < 192 ? 2 : rows < 384 ? 4 : 8
        let block = unit / 2
        return min(Scratch.rowTile, ((rows + parts - 1) / parts + block - 1) / block * block)
    }

    /// - Parameters:
    ///   - distances: ‖x − r‖² of each token.
    ///   - squares: ‖r‖² of each token.
    ///   - threshold: τ_b.
    ///   - weights: w of each token after the prefix; empty for 1.
    ///   - turn: how many have had their turn.
    /// - Returns: how many are chosen.
    func choose(
        distances: UnsafePointer<Float>, squares: UnsafePointer<Float>, threshold: Float, weights: [Float],
        turn: inout Int
    ) -> Int {
        var chosen = prefix
        for token in 0..<prefix { isChosen[token] = true }
        for token in prefix..<count {
            let limit = threshold * (weights.isEmpty ? 1 : weights[token - prefix])
            isChosen[token] = !(distances[token] <= limit * limit * squares[token])
            if isChosen[token] { chosen += 1 }
        }
        let atLeast = chosen + (count + Self.turnFrames - 1) / Self.turnFrames
        let wanted = min((atLeast + Self.unit - 1) / Self.unit * Self.unit, count)
        while chosen < wanted {
            let token = turn % count * stride % count
            turn += 1
            if isChosen[token] { continue }
            isChosen[token] = true
            chosen += 1
        }
        var place = 0
        for token in 0..<count where isChosen[token] {
            tokens[place] = Int32(token)
            place += 1
        }
        return chosen
    }

    private static func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
}
