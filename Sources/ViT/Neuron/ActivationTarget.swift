import Base

/// A number that a picture is to make large.
package enum ActivationTarget: Sendable, Hashable {
    /// Which third of `attn.qkv`.
    package enum Projection: Int, Sendable, Hashable, CaseIterable {
        case query, key, value
    }

    /// The mean over the patch tokens of a neuron of the feed-forward part, after the activation; for SwiGLU of the
    /// product that goes into `w3`.
    case neuron(NeuronAddress)
    /// The mean over the patch tokens and some channels, out of 0 to D − 1, of what a block's projection to queries,
    /// keys or values puts out; where positions are rotary, before the rotation.
    case channels(Projection, block: Int, Range<Int>)
    /// A class's logit, as `GradientTarget.logit`.
    case logit(Int)
    /// As `GradientTarget.classToken`.
    case classToken([Float])

    /// All channels of a head.
    package static func channels(
        _ projection: Projection, block: Int, ofHead head: Int, _ configuration: Configuration
    ) -> ActivationTarget {
        let width = configuration.headWidth
        return .channels(projection, block: block, head * width..<(head + 1) * width)
    }

    /// How many of the model's blocks it reads, from the first.
    package func blockCount(of configuration: Configuration) -> Int {
        switch self {
        case .neuron(let address): address.block + 1
        case .channels(_, let block, _): block + 1
        case .logit, .classToken: configuration.depth
        }
    }

    /// - Parameter classifier: what logits are of; nil for the model's own head or the linear one that came with it.
    /// - Throws: `VitvideoError` for a target that the model does not have.
    package func check(_ model: Model, classifier: Classifier? = nil) throws {
        let c = model.configuration
        switch self {
        case .neuron(let address):
            guard (0..<c.depth).contains(address.block) else {
                throw VitvideoError.noSuchBlock(address.block, depth: c.depth)
            }
            guard (0..<c.feedForwardWidth).contains(address.index) else {
                throw VitvideoError.noSuchNeuron(address.index, block: address.block, .neurons(of: c))
            }
        case .channels(_, let block, let channels):
            guard (0..<c.depth).contains(block) else {
                throw VitvideoError.noSuchBlock(block, depth: c.depth)
            }
            guard !channels.isEmpty, (0..<c.width).contains(channels.upperBound - 1), channels.lowerBound >= 0
            else {
                throw VitvideoError.noSuchNeuron(
                    channels.lowerBound < 0 ? channels.lowerBound : channels.upperBound - 1, block: block,
                    NeuronAddress.Units(name: "channel", count: c.width))
            }
        case .logit, .classToken: try gradientStart(model, classifier)?.check(tokens: 0)
        }
    }

    /// The last value that a forward pass computes for it.
    func end(_ configuration: Configuration) -> ForwardRecord.End {
        switch self {
        case .neuron(let address): .middle(of: address.block)
        case .channels(_, let block, _): .input(of: block)
        case .logit, .classToken: .input(of: configuration.depth)
        }
    }

    /// Where the backward pass starts for a target after the last block; nil for one inside a block.
    func gradientStart(_ model: Model, _ classifier: Classifier?) -> GradientStart? {
        let target: GradientTarget
        switch self {
        case .neuron, .channels: return nil
        case .logit(let index): target = .logit(index)
        case .classToken(let vector): target = .classToken(vector)
        }
        return GradientStart(
            model: model, request: GradientRequest(target: target, classifier: classifier))
    }
}
