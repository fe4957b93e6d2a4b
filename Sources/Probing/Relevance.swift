import Pixels
import ViT

/// What a backward pass found for a class.
package struct ClassMap: Sendable {
    /// `rows × columns`.
    package let map: Plane
    /// The class that the map is for, where the target was a class.
    package let targetClass: Int?
    /// The logit, or whatever number was differentiated.
    package let score: Float
    /// One logit per class; empty where there is no classifier.
    package let logits: [Float]

    init(_ map: Plane, _ result: GradientResult) {
        self.map = map
        targetClass = result.targetClass
        score = result.score
        logits = result.logits
    }
}

/// Finds what speaks for a class. One a worker; buffers are kept between pictures of one size.
package protocol ClassMapper: AnyObject {
    /// - Parameter classifier: what the classes are of; nil for the model's own.
    /// - Throws: as `BackwardPass.run`.
    func run(_ input: PatchMatrix, target: GradientTarget, classifier: Classifier?) throws -> ClassMap
}

/// Relevance for a class (Chefer, Gur and Wolf, ICCV 2021, the rules for self-attention as in their notebook of ViT;
/// their notebook of CLIP takes the last block alone):
///
///     Ā = mean over heads of max(0, ∂y/∂A ⊙ A)
///     R ← R + Ā·R, from R = I, over the blocks in forward order
///
/// The map is the class token's row of R at the patches. Only that row is kept, from the last block down:
/// r ← r + r·Ā with r = e₀. Of a classifier that reads the mean of n patches r begins with 1/n at each of them, of one
/// that an attention probe pools for with the probe's own row, mean over heads of max(0, ∂y/∂A ⊙ A).
package final class Relevance: ClassMapper {
    private let pass: BackwardPass
    private let blocks: Range<Int>

    /// - Parameter blocks: those that count, of the model's.
    package init(model: Model, blocks: Range<Int>, stripRows: Int = AttentionStrip.usualRows) {
        pass = BackwardPass(model: model, stripRows: stripRows)
        self.blocks = blocks
    }

    package func run(
        _ input: PatchMatrix, target: GradientTarget, classifier: Classifier? = nil
    ) throws -> ClassMap {
        let c = pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        let pooling =
            (classifier ?? Classifier(ownOf: pass.model))?.pooling ?? .classToken
        var row: [Float] = []
        // What the block under way adds to the row.
        var added = [Float](repeating: 0, count: tokens)
        var block: Int?
        func endBlock() {
            for token in row.indices {
                row[token] += added[token] / Float(c.heads)
                added[token] = 0
            }
        }
        let result = try pass.run(
            input,
            GradientRequest(target: target, classifier: classifier, firstBlock: blocks.lowerBound),
            observing: Set(blocks.map { .attention(block: $0) }),
            observer: { observed in
                if block != observed.stage.block { endBlock() }
                block = observed.stage.block
                Self.add(observed, weightedBy: row[observed.firstRow...], to: &added)
            },
            beforeBlocks: {
                row = Self.start(c, tokens: tokens, pooling: pooling, probe: $0)
            })
        endBlock()
        let map = Plane(height: input.rows, width: input.columns, values: Array(row[c.specialTokens...]))
        return ClassMap(map, result)
    }

    /// sums += Σ over rows of weight · max(0, A ⊙ ∂y/∂A).
    private static func add(
        _ observed: ObservedGradient, weightedBy weights: ArraySlice<Float>, to sums: inout [Float]
    ) {
        let tokens = observed.columns
        sums.withUnsafeMutableBufferPointer { sums in
            guard let sums = sums.baseAddress, var value = observed.value.baseAddress,
                var gradient = observed.gradient.baseAddress
            else { return }
            for weight in weights.prefix(observed.rows) {
                if weight != 0 {
                    for token in 0..<tokens {
                        let product = value[token] * gradient[token]
                        // Not max(0, x), which is not turned into vectors.
                        sums[token] += weight * (product > 0 ? product : 0)
                    }
                }
                value += tokens
                gradient += tokens
            }
        }
    }

    /// The row before the last block.
    ///
    /// - Parameter probe: A ⊙ ∂y/∂A of an attention probe, `heads × patches`; empty where there is none.
    private static func start(
        _ c: Configuration, tokens: Int, pooling: Pooling, probe: [Float]
    ) -> [Float] {
        var row = [Float](repeating: 0, count: tokens)
        let patches = tokens - c.specialTokens
        switch pooling {
        case .classToken:
            row[0] = 1
        case .meanPatch:
            for patch in 0..<patches { row[c.specialTokens + patch] = 1 / Float(patches) }
        case .attentionProbe:
            for patch in 0..<patches {
                let heads = stride(from: patch, to: probe.count, by: patches).map { max(0, probe[$0]) }
                row[c.specialTokens + patch] = heads.reduce(0, +) / Float(max(heads.count, 1))
            }
        }
        return row
    }
}

/// Grad-CAM on attention, `attn_gradcam` beside Chefer's method: of one block, with A and G = ∂y/∂A of head h in the
/// class token's row at the patches,
///
///     w_h = mean of G_h over the patches
///     map = max(0, mean over heads of w_h · A_h)
package final class AttentionGradCAM: ClassMapper {
    private let pass: BackwardPass
    private let block: Int

    /// - Precondition: the model has a class token and the block.
    package init(model: Model, block: Int, stripRows: Int = AttentionStrip.usualRows) {
        precondition(model.configuration.prefix.hasClassToken, "it is the class token's attention")
        pass = BackwardPass(model: model, stripRows: stripRows)
        self.block = block
    }

    package func run(
        _ input: PatchMatrix, target: GradientTarget, classifier: Classifier? = nil
    ) throws -> ClassMap {
        let c = pass.model.configuration
        let patches = input.rows * input.columns
        var sum = [Float](repeating: 0, count: patches)
        let result = try pass.run(
            input, GradientRequest(target: target, classifier: classifier, firstBlock: block),
            observing: [.attention(block: block)],
            observer: { observed in
                guard observed.firstRow == 0 else { return }
                let gradient = observed.gradient[c.specialTokens..<c.specialTokens + patches]
                let weight = gradient.reduce(0, +) / Float(patches * c.heads)
                for patch in 0..<patches { sum[patch] += weight * observed.value[c.specialTokens + patch] }
            })
        let map = Plane(height: input.rows, width: input.columns, values: sum.map { max(0, $0) })
        return ClassMap(map, result)
    }
}
