/// Per-channel input normalization: `(value / 255 − mean) / deviation`.
package struct Normalization: Sendable, Hashable {
    package var mean: [Float]
    package var deviation: [Float]

    package init(mean: [Float], deviation: [Float]) {
        self.mean = mean
        self.deviation = deviation
    }

    /// The ImageNet statistics that DINO, DINOv2 and DeiT were trained with.
    package static let imageNet = Normalization(
        mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    /// Of DINOv3's satellite pictures SAT-493M, from its README.
    package static let sat493M = Normalization(
        mean: [0.430, 0.411, 0.296], deviation: [0.213, 0.156, 0.143])

    /// The statistics that OpenAI's CLIP and what follows it were trained with.
    package static let clip = Normalization(
        mean: [0.48145466, 0.4578275, 0.40821073], deviation: [0.26862954, 0.26130258, 0.27577711])

    /// To [0, 1].
    package static let unit = Normalization(mean: [0, 0, 0], deviation: [1, 1, 1])

    /// To [−1, 1], as the original and AugReg ViTs expect.
    package static let half = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
}
