/// Whose attention to the patches is looked at.
package enum AttentionQuery: Sendable, Hashable {
    /// A token by its index: 0 is the class token where there is one, `specialTokens + row · columns + column` a patch.
    case token(Int)
    /// All patches: the mean over what each attends to.
    case meanPatch
}

/// What a forward pass should give back.
package struct ForwardRequest: Sendable {
    /// Blocks whose attention from `query` is wanted.
    package var attentionBlocks: Set<Int>
    /// What attends; nil for `Configuration.standardQuery`.
    package var query: AttentionQuery?
    /// Whether to run to the end and return the tokens after the final LayerNorm.
    package var wantsTokens: Bool
    /// Whether to run to the end and return the classifier's logits.
    package var wantsLogits: Bool
    /// How many of the last blocks give their class token, each after the final LayerNorm; 0 for none.
    package var classTokenBlocks = 0
    /// Neurons of the feed-forward parts whose values at every patch are wanted.
    package var neurons: [NeuronAddress] = []
    /// Blocks of whose neurons mean and mean square over the patches are wanted.
    package var neuronMomentBlocks: Set<Int> = []
    /// Whether to run to the end and return what the attention probe attends to, for a model pooled by one.
    package var wantsProbeAttention = false

    package init(
        attentionBlocks: Set<Int>, query: AttentionQuery? = nil, wantsTokens: Bool = false,
        wantsLogits: Bool = false
    ) {
        self.attentionBlocks = attentionBlocks
        self.query = query
        self.wantsTokens = wantsTokens
        self.wantsLogits = wantsLogits
    }

    /// Blocks of whose neurons something is wanted.
    var neuronBlocks: Set<Int> { neuronMomentBlocks.union(neurons.map(\.block)) }
}

extension Configuration {
    /// The class token; in a model without one all patches.
    package var standardQuery: AttentionQuery { prefix.hasClassToken ? .token(0) : .meanPatch }
}

/// The attention of one token, or of the mean over the patches, to all patches, per head.
package struct TokenAttention: Sendable, Equatable {
    package let heads: Int
    package let rows: Int
    package let columns: Int
    /// `heads × rows × columns`. A head sums to 1 less what goes to the special tokens.
    package let values: [Float]
}

package struct ForwardResult: Sendable {
    /// Attention by block.
    package var attention: [Int: TokenAttention] = [:]
    /// `tokens × D` after the final LayerNorm, where asked for.
    package var tokens: [Float] = []
    /// The class tokens of the last blocks, earliest first, `classTokenBlocks × D`.
    package var classTokens: [Float] = []
    /// One logit per class, where asked for; empty for a model without a head. With a distillation
    /// token, the mean of the two heads, as DeiT does at inference.
    package var logits: [Float] = []
    /// Of each neuron asked for, in that order, its values after the activation, `rows × columns`.
    package var neurons: [[Float]] = []
    /// By block, where asked for.
    package var neuronMoments: [Int: NeuronMoments] = [:]
    /// The attention probe's, where asked for and where the model has one.
    package var probeAttention: TokenAttention?
}

/// A value of the forward pass that an observer is shown; each lasts only for the call.
package enum ForwardStage: Sendable, Hashable {
    /// `tokens × D`: what goes into the first block.
    case embedding
    /// `tokens × 3D`: queries, keys and values of all heads, before the softmax's scaling; with rotary
    /// positions queries and keys are rotated.
    case queriesKeysValues(block: Int)
    /// Shown once per head, in order: `tokens × tokens`, row by row what a token attends to.
    case attention(block: Int)
    /// `tokens × D` after a block.
    case block(Int)
    /// `tokens × D` after the final LayerNorm.
    case norm
}
