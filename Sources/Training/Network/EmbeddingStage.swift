import CKernels
import ViT

/// From pictures to tokens.
extension TrunkPass {
    /// x₀ = [cls_token; register_tokens; W·N(patches) + b] + positions, N only for shifted patches; then dropout.
    func embed(_ group: Group, pixels: UnsafePointer<Float>, record: GroupRecord) {
        let (d, tokens, prefix, patches) = (shape.width, shape.tokens, shape.prefixTokens, shape.patches)
        let p = weights.parameters
        cutPatches(pixels, pictures: group.count, into: record.patches.start)
        let input = embeddingInput(group, record)
        for picture in 0..<group.count {
            let first = record.residual(0) + picture * tokens * d
            let rows = first + prefix * d
            linear(layout.patchEmbedding, rows, input + picture * patches * shape.patchValues, rows: patches)
            vv_add_bias(rows, p + layout.patchEmbedding.bias, patches, d)
            if let place = layout.classToken { first.update(from: p + place, count: d) }
            if let place = layout.registers {
                (first + prefix * d - shape.registers * d).update(from: p + place, count: shape.registers * d)
            }
            if let positions = layout.positions {
                if entriesOfClassToken > 0 { vv_add_bias(first, p + positions, 1, d) }
                vv_add_bias(rows, p + positions + entriesOfClassToken * d, 1, patches * d)
            } else {
                vv_add_bias(rows, fixedPositions, 1, patches * d)
            }
        }
        drop(record.residual(0), .tokens, group, rowsEach: tokens, width: d)
    }

    /// From the gradient of x₀ in `gradient` to those of tokens, positions and the patch embedding.
    func embedBackward(_ group: Group, _ record: GroupRecord, _ gradients: UnsafeMutablePointer<Float>) {
        let (d, tokens, prefix, patches) = (shape.width, shape.tokens, shape.prefixTokens, shape.patches)
        drop(gradient.start, .tokens, group, rowsEach: tokens, width: d)
        let input = embeddingInput(group, record)
        for picture in 0..<group.count {
            let first = gradient.start + picture * tokens * d
            let rows = first + prefix * d
            if let place = layout.classToken { vv_add_bias(gradients + place, first, 1, d) }
            if let place = layout.registers {
                vv_add_bias(
                    gradients + place, first + prefix * d - shape.registers * d, 1, shape.registers * d)
            }
            if let positions = layout.positions {
                if entriesOfClassToken > 0 { vv_add_bias(gradients + positions, first, 1, d) }
                vv_add_bias(gradients + positions + entriesOfClassToken * d, rows, 1, patches * d)
            }
            let offset = picture * patches * shape.patchValues
            linearBackward(
                layout.patchEmbedding, layout.patchNorm == nil ? nil : normalizedPatches.start + offset, rows,
                x: input + offset, rows: patches, gradients)
        }
        if let place = layout.patchNorm {
            // `linearBackward` has put the gradient where the input was. That of the pixels is not wanted.
            patchGradient.clear()
            normBackward(
                place, patchGradient.start, normalizedPatches.start, x: record.patches.start,
                rows: group.count * patches, gradients)
        }
    }

    private var entriesOfClassToken: Int { shape.hasClassToken && shape.positionsCoverClassToken ? 1 : 0 }

    /// What the patch embedding reads: the patches, normed where they are shifted.
    private func embeddingInput(_ group: Group, _ record: GroupRecord) -> UnsafePointer<Float> {
        guard let place = layout.patchNorm else { return UnsafePointer(record.patches.start) }
        norm(place, normalizedPatches.start, record.patches.start, rows: group.count * shape.patches)
        return UnsafePointer(normalizedPatches.start)
    }

    // MARK: Patches

    /// patches [pictures · patches, C·p²], a patch's values by channel, row and column, from pixels
    /// [pictures, 3, side, side].
    private func cutPatches(
        _ pixels: UnsafePointer<Float>, pictures: Int, into patches: UnsafeMutablePointer<Float>
    ) {
        let (side, patch, grid) = (shape.side, shape.patchSize, shape.gridSide)
        let moves = shape.moves
        for picture in 0..<pictures {
            for (copy, move) in moves.enumerated() {
                for channel in 0..<3 {
                    let plane = pixels + (picture * 3 + channel) * side * side
                    let place =
                        patches + picture * shape.patches * shape.patchValues
                        + (copy * 3 + channel) * patch * patch
                    for y in 0..<side {
                        let row = place + y / patch * grid * shape.patchValues + y % patch * patch
                        let source = y - move.down
                        for column in 0..<grid {
                            let to = row + column * shape.patchValues
                            guard (0..<side).contains(source) else {
                                to.update(repeating: 0, count: patch)
                                continue
                            }
                            let from = column * patch - move.right
                            if from >= 0 && from + patch <= side {
                                to.update(from: plane + source * side + from, count: patch)
                                continue
                            }
                            for x in 0..<patch {
                                let inside = (0..<side).contains(from + x)
                                to[x] = inside ? plane[source * side + from + x] : 0
                            }
                        }
                    }
                }
            }
        }
    }
}
