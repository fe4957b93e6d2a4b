import Pixels

/// How labels are carried from frame to frame: by patches of earlier frames whose features resemble those of a patch.
/// The protocol is that of Jabri et al. 2020, "Space-Time Correspondence as a Contrastive Random Walk", in the settings of
/// two publications.
package struct PropagationSettings: Sendable, Equatable {
    package enum Recipe: String, Sendable, CaseIterable {
        /// DINO, `eval_video_segmentation.py`.
        case dino
        /// DINOv3, `segmentation_tracking.ipynb`.
        case dinov3
    }

    /// Which patches around a patch's place are looked at.
    package enum Neighborhood: Sendable {
        /// Rows and columns at most `radius` away.
        case square
        /// At most `radius` away in the plane.
        case circle
    }

    package let recipe: Recipe
    /// Frames before the target that are looked at besides the first one.
    package var lastFrames: Int
    package var neighborhood: Neighborhood
    /// In patches; 0 for no limit, as the script has it.
    package var radius: Int
    /// So many of the most similar patches count, and all that are as similar as the last of them.
    package var neighbors: Int
    /// What similarities are divided by in the softmax over the patches that count.
    package var temperature: Float

    /// The defaults of a publication.
    package init(_ recipe: Recipe) {
        self.recipe = recipe
        lastFrames = 7
        radius = 12
        neighbors = 5
        switch recipe {
        case .dino: (neighborhood, temperature) = (.square, 0.1)
        case .dinov3: (neighborhood, temperature) = (.circle, 0.2)
        }
    }

    /// By the distance in rows, from 0 on, how many columns to either side belong to the neighborhood.
    func halfWidths(rows: Int, columns: Int) -> [Int] {
        if radius == 0 { return [Int](repeating: columns, count: rows) }
        return (0...radius).map { distance in
            switch neighborhood {
            case .square: return radius
            case .circle:
                var half = 0
                while (half + 1) * (half + 1) + distance * distance <= radius * radius { half += 1 }
                return half
            }
        }
    }

    /// How a mask is brought to the patch grid: Pillow's rule in the script, PyTorch's in the notebook.
    package var maskRule: NearestRule { recipe == .dino ? .pillow : .exact }
}
