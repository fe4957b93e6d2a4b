import Files
import Methods
import Pixels
import ViT

/// All that one pass over a frame leaves: what follows without another pass.
package protocol FrameRecord: Sendable {
    /// What it is of.
    var about: FrameAccount { get }
    /// Of the heads' mean in the last layer, as `--stats` has it, in nats.
    var entropyNats: Double { get }
    /// Bytes in memory.
    var bytes: Int { get }

    /// What a query attends to in a block, per head.
    ///
    /// - Throws: `VitvideoError`, also for a query that the model or the picture does not have.
    func attention(of query: Query, block: Int) throws -> [Plane]
    /// The queries, then the keys: `2 × tokens × D`.
    ///
    /// - Throws: `HTTPProblem`: 422 where they are not kept.
    func queriesAndKeys(ofBlock block: Int) throws -> (values: [Float], shape: [Int])
    /// After the final LayerNorm, `tokens × D`.
    ///
    /// - Throws: `HTTPProblem`: 422 where there is none.
    func tokens() throws -> (values: [Float], shape: [Int])
}

/// What a record is of, and what the model takes it for.
package struct FrameAccount: Sendable {
    let layout: InputLayout
    let pictureHeight: Int
    let pictureWidth: Int
    let timeSeconds: Double
    let tokens: Int
    /// The likeliest ones.
    let classes: [ClassLabels.Ranked]

    /// As many classes as a page shows where nobody says.
    static let shownClasses = 3

    init(
        _ image: RGBImage, timeSeconds: Double, _ layout: InputLayout, tokens: Int,
        classes: [ClassLabels.Ranked]
    ) {
        (pictureHeight, pictureWidth) = (image.height, image.width)
        (self.timeSeconds, self.layout, self.tokens, self.classes) = (timeSeconds, layout, tokens, classes)
    }
}

extension FrameRecord {
    /// Sizes in pixels of the picture and in patches; times in seconds.
    var description: JSONValue {
        let layout = about.layout
        return .object([
            .init("height", .integer(about.pictureHeight)), .init("width", .integer(about.pictureWidth)),
            .init("seconds", .number(about.timeSeconds)),
            .init("rows", .integer(layout.rows)), .init("columns", .integer(layout.columns)),
            .init("tokens", .integer(about.tokens)),
            .init("cell_height", .number(layout.cellHeight)), .init("cell_width", .number(layout.cellWidth)),
            .init("entropy_nats", .number(entropyNats)),
            .init(
                "classes",
                .array(
                    about.classes.map {
                        .object([
                            .init("index", .integer($0.index)), .init("name", .string($0.name)),
                            .init("probability", .number(Double($0.probability))),
                        ])
                    })),
        ])
    }
}
