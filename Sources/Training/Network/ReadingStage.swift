import CKernels
import ViT

/// From the last block's output to what the classifier's layers read.
extension TrunkPass {
    /// features [count, featureWidth] = norm(x) of the class token, or of all tokens, or fc_norm(the patches' mean).
    func read(_ group: Group, _ record: GroupRecord, features: UnsafeMutablePointer<Float>) {
        let (d, tokens) = (shape.width, shape.tokens)
        switch shape.reading {
        case .flattened:
            norm(layout.finalNorm, features, record.output.start, rows: group.count * tokens)
        case .classToken:
            for picture in 0..<group.count {
                norm(
                    layout.finalNorm, features + picture * d, record.output.start + picture * tokens * d,
                    rows: 1)
            }
        case .meanPatch:
            means(group, record)
            norm(layout.finalNorm, features, branch.start, rows: group.count)
        }
    }

    /// The gradient of x into `gradient`.
    func readBackward(
        _ group: Group, _ record: GroupRecord, featureGradient: UnsafePointer<Float>,
        _ gradients: UnsafeMutablePointer<Float>
    ) {
        let (d, tokens, patches) = (shape.width, shape.tokens, shape.patches)
        gradient.start.update(repeating: 0, count: group.count * tokens * d)
        switch shape.reading {
        case .flattened:
            normBackward(
                layout.finalNorm, gradient.start, featureGradient, x: record.output.start,
                rows: group.count * tokens, gradients)
        case .classToken:
            for picture in 0..<group.count {
                let offset = picture * tokens * d
                normBackward(
                    layout.finalNorm, gradient.start + offset, featureGradient + picture * d,
                    x: record.output.start + offset, rows: 1, gradients)
            }
        case .meanPatch:
            means(group, record)
            let meanGradient = normalized.start
            meanGradient.update(repeating: 0, count: group.count * d)
            normBackward(
                layout.finalNorm, meanGradient, featureGradient, x: branch.start, rows: group.count, gradients
            )
            for picture in 0..<group.count {
                let rows = gradient.start + (picture * tokens + shape.prefixTokens) * d
                for i in 0..<d { meanGradient[picture * d + i] /= Float(patches) }
                for patch in 0..<patches {
                    (rows + patch * d).update(from: meanGradient + picture * d, count: d)
                }
            }
        }
    }

    /// The mean patch of each picture, `count × D`, into `branch`.
    private func means(_ group: Group, _ record: GroupRecord) {
        let (d, patches) = (shape.width, shape.patches)
        branch.start.update(repeating: 0, count: group.count * d)
        for picture in 0..<group.count {
            let mean = branch.start + picture * d
            let rows = record.output.start + (picture * shape.tokens + shape.prefixTokens) * d
            vv_add_column_sums(mean, rows, patches, d)
            for i in 0..<d { mean[i] /= Float(patches) }
        }
    }
}
