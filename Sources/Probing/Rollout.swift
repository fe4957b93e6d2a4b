import Pixels
import ViT

/// Attention rollout (Abnar & Zuidema 2020): what reaches the class token of which patch, through all blocks.
///
/// Ã = (F + I)/2 with rows normalized, F the fused heads; J = Ã_L ⋯ Ã_1; the map is J[0, patches] divided by its
/// maximum, in a model without a class token (r·J)[patches] with the r of `RolloutStart`. One a worker; buffers are
/// kept between pictures of one size.
package final class Rollout {
    package let options: RolloutOptions
    private let replay: AttentionReplay
    private var fold: (tokens: Int, fold: RolloutFold)?

    package init(pass: ForwardPass, options: RolloutOptions, stripRows: Int = AttentionStrip.usualRows) {
        self.options = options
        replay = AttentionReplay(pass: pass, stripRows: stripRows)
    }

    /// - Parameters:
    ///   - input: normalized patches of one picture.
    ///   - request: what else the forward pass should give back.
    /// - Returns: the map, `rows × columns`, its maximum 1, or all 0; and the pass's result.
    /// - Throws: as `ForwardPass.run`.
    package func run(
        _ input: PatchMatrix, _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (map: Plane, result: ForwardResult) {
        let c = replay.pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        let result = try replay.record(input, RolloutStart.request(request, of: c))
        var fold: RolloutFold
        if let kept = self.fold, kept.tokens == tokens {
            fold = kept.fold
        } else {
            fold = RolloutFold(options: options, c, tokens: tokens, stripRows: replay.stripRows)
        }
        // Two owners would make the fold copy its matrix at the first write.
        self.fold = nil
        fold.begin(
            RolloutStart.row(
                c, tokens: tokens, probe: result.probeAttention?.values ?? [], fusion: options.headFusion))
        for block in (0..<c.depth).reversed() {
            try replay.show(block: block) { strip in
                fold.add(head: strip.head, firstRow: strip.firstRow, rows: strip.rows, strip.values)
            }
        }
        self.fold = (tokens, fold)
        return (fold.map(rows: input.rows, columns: input.columns), result)
    }
}

/// Gradient rollout (vit-explain): rollout of mean_h(A ⊙ ∂score/∂A), negatives set to 0. The map's maximum is 1, or it
/// is all 0.
package final class GradientRollout: ClassMapper {
    package let options: RolloutOptions
    private let pass: BackwardPass
    private let stripRows: Int
    private var fold: (tokens: Int, fold: RolloutFold)?

    /// - Throws: `VitvideoError` of kind `usage` for options that gradient rollout does not have.
    package init(
        model: Model, options: RolloutOptions, stripRows: Int = AttentionStrip.usualRows
    ) throws {
        self.options = try options.checkedForGradients()
        self.stripRows = stripRows
        pass = BackwardPass(model: model, stripRows: stripRows)
    }

    package func run(
        _ input: PatchMatrix, target: GradientTarget, classifier: Classifier? = nil
    ) throws -> ClassMap {
        let c = pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        var fold: RolloutFold
        if let kept = self.fold, kept.tokens == tokens {
            fold = kept.fold
        } else {
            fold = RolloutFold(options: options, c, tokens: tokens, stripRows: stripRows, isGradient: true)
        }
        self.fold = nil
        func begin(_ probe: [Float]) {
            fold.begin(
                RolloutStart.row(
                    c, tokens: tokens, probe: probe, fusion: options.headFusion, isGradient: true))
        }
        func add(_ observed: ObservedGradient) {
            fold.add(
                head: observed.head ?? 0, firstRow: observed.firstRow, rows: observed.rows, observed.value,
                times: observed.gradient)
        }
        let result: GradientResult
        if options.compatibility == .vitExplain {
            // The last block's attention meets the first block's gradient, which comes last.
            result = try pass.run(
                input, GradientRequest(target: target, classifier: classifier, keepsAttention: true),
                beforeBlocks: begin)
            for block in (0..<c.depth).reversed() {
                try pass.replayAttention(.scores(block: c.depth - 1 - block), besideBlock: block, add)
            }
        } else {
            let stages = (0..<c.depth).map { GradientStage.attention(block: $0) }
            result = try pass.run(
                input, GradientRequest(target: target, classifier: classifier), observing: Set(stages),
                observer: add, beforeBlocks: begin)
        }
        self.fold = (tokens, fold)
        return ClassMap(fold.map(rows: input.rows, columns: input.columns), result)
    }
}
