import Testing

@testable import Server

/// Requests as commands.
@Suite struct ServedCommandTests {
    private func head(_ query: String) throws -> HTTPHead {
        try HTTPHead(Array("GET /api/command?\(query) HTTP/1.1\r\n\r\n".utf8))
    }

    @Test(arguments: [
        ("dog.mp4", "dog.mp4"), ("a b.mp4", "'a b.mp4'"), ("it's", "'it'\\''s'"), ("", "''"),
        ("$(rm)", "'$(rm)'"),
        ("../x-1.png", "../x-1.png"), ("é", "'é'"), ("a;b", "'a;b'"), ("*", "'*'"),
    ])
    func wordsAreOneWordToAShell(_ word: String, _ quoted: String) {
        #expect(ServedCommand.quoted(word) == quoted)
    }

    @Test(arguments: [
        ("", []), ("layer=3&heads=0,2", ["--layer", "3", "--heads", "0,2"]),
        ("query=1,2", ["--query", "1,2"]),
        (
            "method=rollout&head-fusion=min&discard-ratio=0.5",
            ["--method", "rollout", "--head-fusion", "min", "--discard-ratio", "0.5"]
        ),
        ("method=similarity&query=cls", ["--method", "similarity", "--query", "cls"]),
        ("method=neuron&neuron=1:5", ["--method", "neuron", "--neuron", "1:5"]),
        (
            "method=relevance&class=top&blocks=-1:",
            ["--method", "relevance", "--blocks", "-1:", "--class", "top"]
        ),
    ])
    func methodsHaveTheirOptions(_ query: String, _ expected: [String]) throws {
        let arguments = try ChosenMethod(try head(query)).arguments
        func pairs(_ words: [String]) -> Set<String> {
            Set(stride(from: 0, to: words.count, by: 2).map { words[$0] + " " + words[$0 + 1] })
        }
        #expect(pairs(arguments) == pairs(expected))
    }

    @Test(arguments: [
        ("", ["--view", "overlay"]),
        (
            "view=grid&alpha=0.25&colormap=magma&interpolation=nearest&scale=percentile:2:98",
            [
                "--view", "heads", "--alpha", "0.25", "--colormap", "magma", "--interpolation", "nearest",
                "--scale",
                "percentile:2:98",
            ]
        ),
        ("alpha=0.6&colormap=inferno", ["--view", "overlay"]),
    ])
    func viewsHaveTheirOptions(_ query: String, _ expected: [String]) throws {
        #expect(try ServedView(try head(query)).arguments == expected)
    }

    @Test(arguments: ["view=x", "alpha=2", "alpha=nan", "colormap=x", "interpolation=x", "scale=x"])
    func valuesAreChecked(_ query: String) {
        #expect(throws: (any Error).self) { try ServedView(try head(query)) }
    }
}
