import CKernels
import ViT

/// A block's first branch: x' = x + ls₁ ⊙ proj(softmax(s · QKᵀ)·V).
extension TrunkPass {
    func attend(_ block: Int, _ group: Group, _ record: GroupRecord) {
        let places = layout.blocks[block]
        let kept = record.blocks[block]
        let rows = group.count * shape.tokens
        let p = weights.parameters
        norm(places.norm1, normalized.start, kept.input.start, rows: rows)
        linear(places.qkv, kept.qkv.start, normalized.start, rows: rows)
        vv_add_bias(kept.qkv.start, p + places.qkv.bias, rows, places.qkv.outputs)
        for picture in 0..<group.count {
            let mask = group.dropout.mask(.attention(block: block), picture: group.first + picture)
            for head in 0..<shape.heads {
                attend(HeadPlace(self, kept, picture: picture, head: head), scale: scale(places, head), mask)
            }
        }
        putOut(block, group, kept)
        kept.middle.start.update(from: kept.input.start, count: rows * shape.width)
        vv_add_residual(
            kept.middle.start, branch.start, noBias, places.layerScale1.map { p + $0 }, rows, shape.width)
    }

    /// What the branch adds before LayerScale, m ⊙ proj(…), into `branch`.
    private func putOut(_ block: Int, _ group: Group, _ kept: GroupRecord.Block) {
        linearDropped(layout.blocks[block].proj, kept.heads.start, .projection(block: block), group)
    }

    /// From the gradient of x' in `gradient` to that of x.
    func attendBackward(
        _ block: Int, _ group: Group, _ record: GroupRecord, _ gradients: UnsafeMutablePointer<Float>
    ) {
        let places = layout.blocks[block]
        let kept = record.blocks[block]
        let rows = group.count * shape.tokens
        let branchGradient = scaledBackward(places.layerScale1, rows: rows, gradients) {
            putOut(block, group, kept)
        }
        drop(branchGradient, .projection(block: block), group, rowsEach: shape.tokens, width: shape.width)
        linearBackward(
            places.proj, heads.start, branchGradient, x: kept.heads.start, rows: rows, gradients)
        for picture in 0..<group.count {
            let mask = group.dropout.mask(.attention(block: block), picture: group.first + picture)
            for head in 0..<shape.heads {
                let place = HeadPlace(self, kept, picture: picture, head: head)
                let scaleGradient = attendBackward(place, scale: scale(places, head), mask)
                addTemperatureGradient(scaleGradient, places, head: head, gradients)
            }
        }
        norm(places.norm1, normalized.start, kept.input.start, rows: rows)
        linearBackward(places.qkv, branch.start, wide.start, x: normalized.start, rows: rows, gradients)
        normBackward(
            places.norm1, gradient.start, branch.start, x: kept.input.start, rows: rows, gradients)
    }

    // MARK: One head

    /// Where a head of a picture lies in the group's matrices.
    private struct HeadPlace {
        /// Rows are `3·h·d` apart.
        let queries: UnsafePointer<Float>
        let keys: UnsafePointer<Float>
        let values: UnsafePointer<Float>
        /// The gradients in the same layout.
        let queriesGradient: UnsafeMutablePointer<Float>
        let keysGradient: UnsafeMutablePointer<Float>
        let valuesGradient: UnsafeMutablePointer<Float>
        /// `tokens × tokens`.
        let attention: UnsafeMutablePointer<Float>
        /// The head's output and its gradient; rows are `h·d` apart.
        let output: UnsafeMutablePointer<Float>
        let outputGradient: UnsafePointer<Float>
        /// Of the head's first value in the picture's attention.
        let firstIndex: Int

        init(_ pass: TrunkPass, _ kept: GroupRecord.Block, picture: Int, head: Int) {
            let shape = pass.shape
            let (tokens, inner) = (shape.tokens, shape.attentionWidth)
            let start = picture * tokens * 3 * inner + head * shape.headWidth
            queries = UnsafePointer(kept.qkv.start + start)
            keys = queries + inner
            values = keys + inner
            queriesGradient = pass.wide.start + start
            keysGradient = queriesGradient + inner
            valuesGradient = keysGradient + inner
            attention = kept.attention.start + (picture * shape.heads + head) * tokens * tokens
            output = kept.heads.start + picture * tokens * inner + head * shape.headWidth
            outputGradient = UnsafePointer(
                pass.heads.start + picture * tokens * inner + head * shape.headWidth)
            firstIndex = head * tokens * tokens
        }
    }

    /// O = (m ⊙ softmax(s · QKᵀ))·V.
    private func attend(_ head: HeadPlace, scale: Float, _ mask: vv_dropout) {
        let (tokens, d, inner) = (shape.tokens, shape.headWidth, shape.attentionWidth)
        products(
            head.attention, stride: tokens, head.queries, stride: 3 * inner,
            products.factor(head.keys, stride: 3 * inner, transposed: true, k: d, n: tokens), m: tokens,
            n: tokens, k: d)
        vv_attention_rows(
            head.attention, dropped.start, tokens, scale, !shape.attention.hasDiagonal, head.firstIndex, mask)
        products(
            head.output, stride: inner, dropped.start, stride: tokens,
            products.factor(head.values, stride: 3 * inner, k: tokens, n: d), m: tokens, n: d, k: tokens)
    }

    /// With D = m ⊙ P: dV = Dᵀ·dO, dD = dO·Vᵀ, dS = s · softmax'(m ⊙ dD), dQ = dS·K, dK = dSᵀ·Q.
    ///
    /// - Returns: the gradient of s, Σ (dQ ⊙ Q) / s.
    private func attendBackward(_ head: HeadPlace, scale: Float, _ mask: vv_dropout) -> Float {
        let (tokens, d, inner) = (shape.tokens, shape.headWidth, shape.attentionWidth)
        products(
            scores.start, stride: tokens, head.outputGradient, stride: inner,
            products.factor(head.values, stride: 3 * inner, transposed: true, k: d, n: tokens), m: tokens,
            n: tokens, k: d)
        vv_attention_dropped(dropped.start, head.attention, tokens * tokens, mask.scale)
        products(
            head.valuesGradient, stride: 3 * inner, dropped.start, stride: tokens, aTransposed: true,
            products.factor(head.outputGradient, stride: inner, k: tokens, n: d), m: tokens, n: d, k: tokens)
        vv_attention_rows_backward(scores.start, head.attention, tokens, scale, mask.scale)
        products(
            head.queriesGradient, stride: 3 * inner, scores.start, stride: tokens,
            products.factor(head.keys, stride: 3 * inner, k: tokens, n: d), m: tokens, n: d, k: tokens)
        products(
            head.keysGradient, stride: 3 * inner, scores.start, stride: tokens, aTransposed: true,
            products.factor(head.queries, stride: 3 * inner, k: tokens, n: d), m: tokens, n: d, k: tokens)
        guard shape.attention != .plain else { return 0 }
        var sum: Float = 0
        for token in 0..<tokens {
            for i in token * 3 * inner..<token * 3 * inner + d {
                sum += head.queriesGradient[i] * head.queries[i]
            }
        }
        return sum / scale
    }

    // MARK: Temperature

    /// What a head's scores are multiplied by.
    private func scale(_ places: ParameterLayout.BlockPlaces, _ head: Int) -> Float {
        guard let place = places.temperature else { return 1 / Float(shape.headWidth).squareRoot() }
        let value = weights.parameters + place
        return shape.attention == .locality ? 1 / value[0] : value[head]
    }

    private func addTemperatureGradient(
        _ scaleGradient: Float, _ places: ParameterLayout.BlockPlaces, head: Int,
        _ gradients: UnsafeMutablePointer<Float>
    ) {
        guard let place = places.temperature else { return }
        if shape.attention == .locality {
            // s = 1/τ.
            let temperature = weights.parameters[place]
            gradients[place] -= scaleGradient / (temperature * temperature)
        } else {
            gradients[place + head] += scaleGradient
        }
    }
}

/// LayerScale.
extension TrunkPass {
    /// Of ls ⊙ y with its gradient in `gradient`: adds that of ls.
    ///
    /// - Parameters:
    ///   - place: of ls; nil for 1.
    ///   - putOut: computes y, `rows × D`, into `branch`.
    /// - Returns: the gradient of y, `rows × D`, in `branch`.
    func scaledBackward(
        _ place: Int?, rows: Int, _ gradients: UnsafeMutablePointer<Float>, putOut: () -> Void
    ) -> UnsafeMutablePointer<Float> {
        guard let place else {
            branch.start.update(from: gradient.start, count: rows * shape.width)
            return branch.start
        }
        putOut()
        vv_add_column_products(
            gradients + place, gradient.start, branch.start, noBias, rows, shape.width)
        vv_scale_columns(branch.start, gradient.start, weights.parameters + place, rows, shape.width)
        return branch.start
    }
}
