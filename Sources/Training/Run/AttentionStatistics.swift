import Glibc
import ViT

/// How the heads of all blocks attend to a picture, for following a run of training. `MapStatistics` and
/// `MeanAttentionDistance` in Probing define the same of a model that is probed.
package struct AttentionStatistics: Sendable, Equatable {
    /// `blocks × heads`: the mean over all tokens of −Σ a·ln a over what a token attends to, in nats; 0 where each attends
    /// to one token, ln(tokens) where each attends to all alike.
    package let entropyNats: [[Double]]
    /// `blocks × heads`: how far a patch looks on average, in pixels: the mean over the patches of Σ a · distance over the
    /// patches it attends to. What goes to tokens before the patches counts as no distance.
    package let distancePixels: [[Double]]

    /// - Parameters:
    ///   - attention: of each block `heads × tokens × tokens`, as `TrainingEngine.attention(of:)` gives it.
    ///   - shape: the model's.
    package init(_ attention: [[Float]], shape: TrainedShape) {
        let (tokens, prefix, side) = (shape.tokens, shape.prefixTokens, shape.gridSide)
        // By rows and columns between two patches.
        let distances = (0..<side * side).map { offset in
            hypot(Double(offset / side), Double(offset % side)) * Double(shape.patchSize)
        }
        func heads(_ block: [Float], _ figure: (_ row: ArraySlice<Float>, _ token: Int) -> Double)
            -> [[Double]]
        {
            (0..<shape.heads).map { head in
                (0..<tokens).map { token in
                    let start = (head * tokens + token) * tokens
                    return figure(block[start..<start + tokens], token)
                }
            }
        }
        entropyNats = attention.map { block in
            heads(block) { row, _ in
                row.reduce(0.0) { $1 > 0 ? $0 - Double($1) * log(Double($1)) : $0 }
            }.map { $0.reduce(0, +) / Double(tokens) }
        }
        distancePixels = attention.map { block in
            heads(block) { row, token in
                guard token >= prefix else { return 0 }
                let (y, x) = ((token - prefix) / side, (token - prefix) % side)
                var sum = 0.0
                for (patch, share) in row.dropFirst(prefix).enumerated() {
                    let offset = abs(patch / side - y) * side + abs(patch % side - x)
                    sum += Double(share) * distances[offset]
                }
                return sum
            }.map { $0.reduce(0, +) / Double(shape.patches) }
        }
    }
}
