import Fixtures
import Testing

/// How to make a sound file of an unusual kind with FFmpeg, and what is to come of it.
struct MediaRecipe: Sendable, CustomTestStringConvertible {
    let name: String
    let expectation: Trial.Expectation
    /// FFmpeg runs, or `cat a b c`, whose last word is the file that is made; `$src` is a test pattern of 64×48 at
    /// 25 frames a second.
    let steps: [String]
    let arguments: [String]
    /// The file handed to the program: the last one made.
    var input: String { steps.last?.split(separator: " ").last.map(String.init) ?? "" }

    var testDescription: String { name }

    init(
        _ name: String, _ expectation: Trial.Expectation, _ steps: String..., with arguments: String = ""
    ) {
        self.name = name
        self.expectation = expectation
        self.steps = steps
        self.arguments = arguments.split(separator: " ").map(String.init)
    }

    /// Makes the file, runs the program on it, and counts the case.
    func check(_ className: String) throws {
        let workspace = try Workspace()
        for step in steps {
            let source = "-f lavfi -i testsrc2=size=64x48:rate=25"
            let words = step.replacing("$src", with: source).split(separator: " ").map(String.init)
            if words[0] == "cat" {
                let whole = try words[1...2].flatMap { try workspace.bytes(of: $0) }
                try workspace.write(whole, to: words[3])
            } else {
                let outcome = try Program.run(
                    "ffmpeg", ["-v", "error", "-nostdin", "-y"] + words, directory: workspace.path)
                try #require(outcome.status == 0, "\(name): \(outcome.errors)")
            }
        }
        tryCase(className) { try Trial(name, input, in: workspace, arguments).fault(expectation) }
    }
}
