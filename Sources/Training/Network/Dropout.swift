import Base
import CKernels

/// The shares of values that are dropped in training, 0 to less than 1.
package struct DropoutRates: Sendable, Hashable {
    /// Of the embedded tokens, positions included.
    package var tokens: Float = 0
    /// Of the attention after softmax.
    package var attention: Float = 0
    /// Of what comes out of the attention branch.
    package var projection: Float = 0
    /// Of what comes out of either layer of the feed-forward part.
    package var feedForward: Float = 0
    /// Of what goes into each of the classifier's layers.
    package var head: Float = 0

    package init(
        tokens: Float = 0, attention: Float = 0, projection: Float = 0, feedForward: Float = 0,
        head: Float = 0
    ) {
        self.tokens = tokens
        self.attention = attention
        self.projection = projection
        self.feedForward = feedForward
        self.head = head
    }
}

/// What is dropped in one step. The masks are a pure function of seed, step, picture and place (`vv_dropout`), so that
/// they depend on no thread, and a resumed run has the same.
struct Dropout: Sendable {
    /// A place in the model where values are dropped.
    enum Site {
        case tokens
        case attention(block: Int)
        case projection(block: Int)
        case hidden(block: Int)
        case output(block: Int)
        /// What goes into a layer of the classifier.
        case head(layer: Int)

        /// Its number in the seed of its masks.
        func number(depth: Int) -> Int {
            switch self {
            case .tokens: 0
            case .attention(let block): 1 + 4 * block
            case .projection(let block): 2 + 4 * block
            case .hidden(let block): 3 + 4 * block
            case .output(let block): 4 + 4 * block
            case .head(let layer): 1 + 4 * depth + layer
            }
        }
    }

    let rates: DropoutRates
    let depth: Int
    let seed: UInt64
    let step: Int

    /// Nothing is dropped.
    static let none = Dropout(rates: DropoutRates(), depth: 0, seed: 0, step: 0)

    /// - Parameter picture: its index in the batch.
    func mask(_ site: Site, picture: Int) -> vv_dropout {
        let rate = rate(at: site)
        guard rate > 0 else { return vv_dropout(key: (0, 0), threshold: 0, scale: 1) }
        var draw = SplitMix64(seed: seed, purpose: "dropout", step, picture, site.number(depth: depth))
        let key = draw.next()
        return vv_dropout(
            key: (UInt32(truncatingIfNeeded: key), UInt32(key >> 32)),
            threshold: UInt32((Double(rate) * 0x1p31).rounded()), scale: 1 / (1 - rate))
    }

    private func rate(at site: Site) -> Float {
        switch site {
        case .tokens: rates.tokens
        case .attention: rates.attention
        case .projection: rates.projection
        case .hidden, .output: rates.feedForward
        case .head: rates.head
        }
    }
}
