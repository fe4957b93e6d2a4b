import Pixels
import ViT

/// Rollouts of one picture by several options, for one forward pass and one look at each block's attention: what
/// `Rollout` gives for each of them.
///
/// One a worker; buffers of the pass are kept between pictures of one size.
package final class RolloutSet {
    private let replay: AttentionReplay

    package init(pass: ForwardPass, stripRows: Int = AttentionStrip.usualRows) {
        replay = AttentionReplay(pass: pass, stripRows: stripRows)
    }

    /// - Parameter input: normalized patches of one picture.
    /// - Returns: for each of the options a map, `rows × columns`, its maximum 1, or all 0.
    /// - Throws: as `ForwardPass.run`.
    package func run(_ input: PatchMatrix, _ options: [RolloutOptions]) throws -> [Plane] {
        let c = replay.pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        let request = RolloutStart.request(ForwardRequest(attentionBlocks: []), of: c)
        let probe = try replay.record(input, request).probeAttention?.values ?? []
        var folds = options.map { options in
            var fold = RolloutFold(options: options, c, tokens: tokens, stripRows: replay.stripRows)
            fold.begin(RolloutStart.row(c, tokens: tokens, probe: probe, fusion: options.headFusion))
            return fold
        }
        for block in (0..<c.depth).reversed() {
            try replay.show(block: block) { strip in
                for index in folds.indices {
                    folds[index].add(
                        head: strip.head, firstRow: strip.firstRow, rows: strip.rows, strip.values)
                }
            }
        }
        return folds.map { $0.map(rows: input.rows, columns: input.columns) }
    }
}
