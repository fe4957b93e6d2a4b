import Base
import Datasets
import Pixels
import Training
import ViT
import VideoIO

/// Pictures and clips whose attention is looked at again and again while a model is trained on others.
package final class AttentionWatch {
    /// What is watched, as the model is given it; of a clip a frame a look, from the first again after the last.
    struct Subject {
        let name: String
        let frames: [RGBImage]
        /// `3 × side × side` each, normalized.
        let inputs: [[Float]]
    }

    /// One look at the model.
    package struct Look {
        /// Steps taken before.
        package let steps: Int
        /// By subject, then head: what is attended to in the last block, on the patches' grid.
        package let maps: [[Plane]]
        /// By block, then head; the mean over the subjects.
        package let heads: [[AttentionSummary]]
    }

    let subjects: [Subject]
    private let shape: TrainedShape

    /// - Parameters:
    ///   - paths: of pictures and videos.
    ///   - looks: frames of a clip at most.
    /// - Throws: `VitvideoError` where a file cannot be read.
    package init(
        _ paths: [String], shape: TrainedShape, _ augmentation: Augmentation, _ normalization: Normalization,
        looks: Int
    ) throws {
        self.shape = shape
        subjects = try paths.map { path in
            let reader = try VideoReader.open(path)
            defer { reader.close() }
            var (frames, inputs): ([RGBImage], [[Float]]) = ([], [])
            while frames.count < max(1, looks), let frame = try reader.nextFrame() {
                inputs.append(augmentation.evaluation(frame.image, normalization))
                frames.append(
                    RGBImage(
                        planes: augmentation.evaluation(frame.image, .unit), height: shape.side,
                        width: shape.side))
            }
            guard !frames.isEmpty else {
                throw VitvideoError(
                    .badData, cannot: "watch", path: path, reason: "there is no picture in it")
            }
            return Subject(name: path.lastPathPart, frames: frames, inputs: inputs)
        }
    }

    // MARK: Looking

    /// What a run keeps of a look: the maps of all subjects, then entropy and distance of each block and head.
    ///
    /// - Parameter count: of looks before.
    /// - Throws: as `TrainingEngine.attention`.
    package func look(_ count: Int, by engine: TrainingEngine) throws -> [Float] {
        var maps: [Float] = []
        var sums = [Double](repeating: 0, count: 2 * shape.depth * shape.heads)
        for subject in subjects {
            let attention = try engine.attention(of: subject.inputs[count % subject.inputs.count])
            for head in 0..<shape.heads { maps += map(attention[shape.depth - 1], head: head) }
            let statistics = AttentionStatistics(attention, shape: shape)
            let numbers = (statistics.entropyNats + statistics.distancePixels).joined()
            for (index, value) in numbers.enumerated() { sums[index] += value }
        }
        return maps + sums.map { Float($0 / Double(subjects.count)) }
    }

    /// What the class token attends to, or where there is none a patch, mean over all, among the patches.
    private func map(_ attention: [Float], head: Int) -> [Float] {
        let (tokens, prefix) = (shape.tokens, shape.prefixTokens)
        let start = head * tokens * tokens
        if shape.hasClassToken { return Array(attention[start + prefix..<start + tokens]) }
        var sum = [Float](repeating: 0, count: shape.patches)
        for row in prefix..<tokens {
            for patch in 0..<shape.patches { sum[patch] += attention[start + row * tokens + prefix + patch] }
        }
        return sum.map { $0 / Float(shape.patches) }
    }

    /// A look out of what a run has kept of it.
    package func look(_ kept: TrainingHistory.Look) -> Look {
        let (side, patches) = (shape.gridSide, shape.patches)
        let maps = subjects.indices.map { subject in
            (0..<shape.heads).map { head in
                let start = (subject * shape.heads + head) * patches
                return Plane(height: side, width: side, values: Array(kept.values[start..<start + patches]))
            }
        }
        let first = subjects.count * shape.heads * patches
        let all = shape.depth * shape.heads
        let heads = (0..<shape.depth).map { block in
            (0..<shape.heads).map { head in
                let at = first + block * shape.heads + head
                return AttentionSummary(entropyNats: kept.values[at], distancePixels: kept.values[at + all])
            }
        }
        return Look(steps: kept.steps, maps: maps, heads: heads)
    }
}

/// How a head attends, as `AttentionStatistics` has it.
package struct AttentionSummary: Sendable, Hashable {
    package let entropyNats: Float
    package let distancePixels: Float
}
