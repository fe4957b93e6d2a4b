/// What the classifier head reads of the tokens after the final LayerNorm.
package enum Pooling: String, Sendable, Hashable {
    /// The class token; with a distillation token the mean of two heads' logits, one on each of both tokens.
    case classToken
    /// The mean of the patch tokens.
    case meanPatch
    /// What a learned query gathers from the patch tokens (`AttentionProbe`, SigLIP).
    case attentionProbe
}

/// The thirds of the queries', keys' and values' layer that have a bias. The checkpoint's `attn.qkv.bias`
/// holds these alone, stacked in this order.
package struct QKVBias: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let queries = QKVBias(rawValue: 1)
    package static let keys = QKVBias(rawValue: 2)
    package static let values = QKVBias(rawValue: 4)
    package static let all: QKVBias = [.queries, .keys, .values]

    /// Positions among queries, keys and values (0 to 2) of the thirds with a bias.
    var thirds: [Int] { (0..<3).filter { contains(QKVBias(rawValue: 1 << $0)) } }
}
