import Pixels
import Probing
import ViT

/// What the methods say of one picture and one model.
struct PictureFindings: Sendable {
    /// One rollout.
    struct RolloutMap: Sendable {
        let options: RolloutOptions
        /// `rows × columns`, its maximum 1.
        let map: Plane
    }

    /// Rollout of the gradient of one class's logit.
    struct GradientMap: Sendable {
        let target: ClassLabels.Ranked
        let options: RolloutOptions
        let map: Plane
    }

    /// As the model was given it.
    let picture: RGBImage
    /// The class token's attention in every block, by block; empty where no section shows it.
    var attention: [TokenAttention] = []
    var rollouts: [RolloutMap] = []
    /// Class by class, each at every discard ratio.
    var gradients: [GradientMap] = []
    var queriesKeys: QueryKeyImages?
    /// One a class; empty without a classifier.
    var logits: [Float] = []
    /// The likeliest classes, likeliest first.
    var ranked: [ClassLabels.Ranked] = []
}

/// What came of one picture, for one model.
struct PictureMeasures: Sendable {
    /// Mean attention distances, `blocks × heads` in pixels; nil where they are not asked for.
    let distances: [[Double]]?
    /// Nil for a picture that is not shown.
    let findings: PictureFindings?
}
