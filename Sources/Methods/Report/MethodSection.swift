import Pixels
import Probing
import Rendering
import ViT

/// What a report shows of methods.
package struct ReportSettings: Sendable {
    /// The block whose heads, queries and keys are shown; negative from the end.
    package var layer: Int
    /// The head whose queries and keys are shown.
    package var head: Int
    /// Rollout is shown at each of these.
    package var discardRatios: [Double]
    /// How many of the likeliest classes gradients are shown for, and the prediction lists.
    package var classes: Int

    package init(layer: Int = -1, head: Int = 0, discardRatios: [Double] = [0, 0.5, 0.9], classes: Int = 3) {
        self.layer = layer
        self.head = head
        self.discardRatios = discardRatios
        self.classes = classes
    }

    /// "the last layer", "layer 3".
    package var layerText: String { layer == -1 ? "the last layer" : "layer \(layer)" }
}

/// A method's section of the report on pictures.
package struct MethodSection: Sendable {
    /// The name that `--only` has for it.
    package let name: String
    package let title: String
    /// Sections stand on the page in the order of these.
    package let place: Int
    /// Whether it is about classes.
    package let needsClassifier: Bool
    /// What a reader has to know to read the section, in plain words.
    package let explanation: @Sendable (ReportSettings) -> String
    /// Adds what the section needs of a picture's one forward pass.
    package let require: @Sendable (inout ForwardRequest, ProbedModel) -> Void
    /// Finds settings that the model does not have.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package let check: @Sendable (ReportSettings, ProbedModel) throws -> Void
    /// Makes one worker's part.
    package let makeProbe: @Sendable (SectionContext) throws -> SectionProbe
    /// Of a transformer of any build, what is shown of one picture; nil where only plain Vision Transformers have it.
    package let figuresOfGraph: (@Sendable (ProbedGraphPicture) throws -> [SectionFigure])?

    package init(
        name: String, title: String, place: Int, needsClassifier: Bool = false,
        explanation: @escaping @Sendable (ReportSettings) -> String,
        require: @escaping @Sendable (inout ForwardRequest, ProbedModel) -> Void = { _, _ in },
        check: @escaping @Sendable (ReportSettings, ProbedModel) throws -> Void = { _, _ in },
        makeProbe: @escaping @Sendable (SectionContext) throws -> SectionProbe,
        ofGraph figuresOfGraph: (@Sendable (ProbedGraphPicture) throws -> [SectionFigure])? = nil
    ) {
        self.name = name
        self.title = title
        self.place = place
        self.needsClassifier = needsClassifier
        self.explanation = explanation
        self.require = require
        self.check = check
        self.makeProbe = makeProbe
        self.figuresOfGraph = figuresOfGraph
    }

    /// The sentence on colors that every section of heat maps ends with.
    package static let scaleNote = "Each map is coloured from its own minimum to its maximum."
}

/// What a worker's part of a section works with.
package struct SectionContext {
    package let probed: ProbedModel
    package let settings: ReportSettings
    /// The worker's own; its buffers are shared by all sections.
    package let pass: ForwardPass
    /// How many pictures are under way at once.
    package let workers: Int
    /// Memory that all workers together may take now.
    package let availableBytes: @Sendable () -> Int

    package init(
        probed: ProbedModel, settings: ReportSettings, pass: ForwardPass, workers: Int,
        availableBytes: @escaping @Sendable () -> Int
    ) {
        self.probed = probed
        self.settings = settings
        self.pass = pass
        self.workers = workers
        self.availableBytes = availableBytes
    }
}

/// One worker's part of a section. One thread at a time calls its functions.
package struct SectionProbe {
    /// Refuses a picture whose work does not fit into memory, before anything of it is computed.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    package let checkMemory: (PatchMatrix) throws -> Void
    package let figures: (ProbedPicture) throws -> [SectionFigure]

    package init(
        checkMemory: @escaping (PatchMatrix) throws -> Void = { _ in },
        figures: @escaping (ProbedPicture) throws -> [SectionFigure]
    ) {
        self.checkMemory = checkMemory
        self.figures = figures
    }
}

/// A picture as a section is given it.
package struct ProbedPicture {
    /// Normalized patches.
    package let input: PatchMatrix
    /// Of the pass that all sections share.
    package let result: ForwardResult
    /// The likeliest classes, likeliest first; empty without a classifier.
    package let ranked: [ClassLabels.Ranked]

    package init(input: PatchMatrix, result: ForwardResult, ranked: [ClassLabels.Ranked]) {
        self.input = input
        self.result = result
        self.ranked = ranked
    }
}

/// A figure of a section: maps over the picture, tile by tile, and the arrays behind them.
package struct SectionFigure: Sendable {
    package struct Tile: Sendable {
        package let caption: String
        /// Colored from its own smallest value to its largest.
        package let map: Plane

        package init(caption: String, map: Plane) {
            self.caption = caption
            self.map = map
        }
    }

    package let tiles: [Tile]
    package let columns: Int
    package let arrays: [FigureArray]
    /// A description for readers who cannot see it.
    package let text: String
    package let style: HeatStyle

    /// - Parameter columns: nil for as many as fill a grid of equal things.
    package init(
        tiles: [Tile], columns: Int? = nil, arrays: [FigureArray], text: String,
        style: HeatStyle = HeatStyle()
    ) {
        self.tiles = tiles
        self.columns = columns ?? Self.columns(of: tiles.count)
        self.arrays = arrays
        self.text = text
        self.style = style
    }

    /// 4, where that leaves no gap that 3 would not.
    static func columns(of count: Int) -> Int { count % 4 != 0 && count % 3 == 0 ? 3 : 4 }
}

/// An array behind a figure, row-major.
package struct FigureArray: Sendable {
    package let name: String
    package let shape: [Int]
    package let values: [Float]

    package init(_ name: String, _ shape: [Int], _ values: [Float]) {
        (self.name, self.shape, self.values) = (name, shape, values)
    }

    /// Maps of one size, stacked: `maps × rows × columns`, or with further dimensions in front.
    package init(_ name: String, _ maps: [Plane], front: [Int]? = nil) {
        let (rows, columns) = (maps.first?.height ?? 0, maps.first?.width ?? 0)
        self.init(name, (front ?? [maps.count]) + [rows, columns], maps.flatMap(\.values))
    }
}
