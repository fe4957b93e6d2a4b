import CKernels
import ViT

/// A block's second branch: x = x' + ls₂ ⊙ G?(fc2(m ⊙ G(fc1(N₂(x'))))), dropped values included.
extension TrunkPass {
    func feedForward(_ block: Int, _ group: Group, _ record: GroupRecord) {
        let places = layout.blocks[block]
        let kept = record.blocks[block]
        let rows = group.count * shape.tokens
        norm(places.norm2, normalized.start, kept.middle.start, rows: rows)
        linear(places.fc1, kept.slope.start, normalized.start, rows: rows)
        activate(kept.activated.start, kept.slope.start, places.fc1, .hidden(block: block), group)

        let out = record.residual(block + 1)
        out.update(from: kept.middle.start, count: rows * shape.width)
        putOut(block, group, record)
        vv_add_residual(
            out, branch.start, noBias, places.layerScale2.map { weights.parameters + $0 }, rows, shape.width)
    }

    /// What the branch adds before LayerScale, m ⊙ G?(fc2(…)), into `branch`.
    private func putOut(_ block: Int, _ group: Group, _ record: GroupRecord) {
        let fc2 = layout.blocks[block].fc2
        let kept = record.blocks[block]
        if shape.activatesOutput {
            linear(fc2, kept.outputSlope.start, kept.activated.start, rows: group.count * shape.tokens)
            activate(branch.start, kept.outputSlope.start, fc2, .output(block: block), group)
        } else {
            linearDropped(fc2, kept.activated.start, .output(block: block), group)
        }
    }

    /// From the gradient of x in `gradient` to that of x'.
    func feedForwardBackward(
        _ block: Int, _ group: Group, _ record: GroupRecord, _ gradients: UnsafeMutablePointer<Float>
    ) {
        let places = layout.blocks[block]
        let kept = record.blocks[block]
        let rows = group.count * shape.tokens
        let branchGradient = scaledBackward(places.layerScale2, rows: rows, gradients) {
            putOut(block, group, record)
        }
        if shape.activatesOutput {
            vv_scale_columns(
                branchGradient, branchGradient, kept.outputSlope.start, 1, rows * shape.width)
        } else {
            drop(branchGradient, .output(block: block), group, rowsEach: shape.tokens, width: shape.width)
        }
        linearBackward(
            places.fc2, wide.start, branchGradient, x: kept.activated.start, rows: rows, gradients)
        vv_scale_columns(wide.start, wide.start, kept.slope.start, 1, rows * shape.feedForwardWidth)
        norm(places.norm2, normalized.start, kept.middle.start, rows: rows)
        linearBackward(places.fc1, branch.start, wide.start, x: normalized.start, rows: rows, gradients)
        normBackward(
            places.norm2, gradient.start, branch.start, x: kept.middle.start, rows: rows, gradients)
    }
}
