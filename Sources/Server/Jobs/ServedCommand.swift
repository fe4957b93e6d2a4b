import Base
import Files
import Methods
import VideoIO

/// The command that makes what a page shows: a picture, its maps, or the annotated clip.
struct ServedCommand: Sendable {
    enum Product: String, Sendable {
        /// The shown view as a PNG.
        case picture
        /// The maps of the shown frame as an `.npz`.
        case maps
        /// The view of a range of frames, as a video.
        case clip

        var fileExtension: String {
            switch self {
            case .picture: "png"
            case .maps: "npz"
            case .clip: "mp4"
            }
        }

        var contentType: String {
            switch self {
            case .picture: "image/png"
            case .maps: "application/zip"
            case .clip: "video/mp4"
            }
        }
    }

    let product: Product
    /// Of the output, for people.
    let fileName: String
    /// Frames that are looked at; nil where unknown.
    let frames: Int?
    private let item: MediaItem
    /// All but input and output.
    private let settings: [String]

    /// - Parameter head: of a request, with the media's, the model's, the method's and the view's items.
    /// - Throws: `HTTPProblem` and `VitvideoError` for what is none.
    init(_ head: HTTPHead, library: MediaLibrary, models: ServedModels) throws {
        item = try library.item(head.item("media") ?? "")
        let model = try models.model(head.item("model"))
        let chosen = try ChosenMethod(head)
        let view = try ServedView(head)
        guard let product = Product(rawValue: head.item("make") ?? "picture") else {
            throw HTTPProblem(.badRequest, "what is made is picture, maps or clip")
        }
        let info = try item.info
        var range: [String] = []
        var count: Int? = 1
        var suffix = ""
        if !info.isStill {
            guard let frame = Int(head.item("frame") ?? "0"), (0..<1 << 31).contains(frame) else {
                throw HTTPProblem(.badRequest, "a frame is a number of 0 and above")
            }
            (range, suffix) = (["--frames", "\(frame):\(frame + 1)"], "-\(frame)")
            if product == .clip {
                (range, suffix, count) = ([], "-attention", info.expectedFrameCount)
                if let slice = head.item("frames") {
                    let isSlice = slice.wholeMatch(of: /[0-9]*:[0-9]*/) != nil
                    guard isSlice, (try? FrameSelection(slice: slice)) != nil else {
                        throw HTTPProblem(.badRequest, "frames are a range such as 0:100")
                    }
                    range = ["--frames", slice]
                    count = nil
                }
            }
        } else if product == .clip {
            throw HTTPProblem(.unprocessable, "a picture is no clip")
        }
        settings =
            range + model.arguments + chosen.arguments
            + (product == .maps ? [] : view.arguments) + ["--precision", "fp32"]
        self.product = product
        frames = count
        let stem = item.name.pathStem.filter { $0.isLetter || $0.isNumber || "._-".contains($0) }
        fileName = "\(stem.isEmpty ? "out" : stem)\(suffix)-\(chosen.method.name).\(product.fileExtension)"
    }

    /// What a person runs.
    var line: String {
        let words =
            ["vitvideo"]
            + arguments(input: item.commandPath, output: fileName)
        return words.map(Self.quoted).joined(separator: " ")
    }

    /// What the server runs.
    ///
    /// - Parameter output: a path of the server's own.
    func arguments(output: String) -> [String] {
        arguments(input: item.path, output: output)
    }

    private func arguments(input: String, output: String) -> [String] {
        func safe(_ path: String) -> String { path.hasPrefix("-") ? "./\(path)" : path }
        return [safe(input), product == .maps ? "--export" : "-o", safe(output)] + settings
    }

    /// A word as a shell takes it for one.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || "-_./:,=@%+".utf8.contains($0)
        }
        return plain && !word.isEmpty ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}
