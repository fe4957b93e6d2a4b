import Base
import Testing
import ViT

@Suite struct NeuronAddressTests {
    static let configuration = Configuration(
        family: .dinov2, patchSize: 14, width: 384, depth: 12, heads: 6, nativeRows: 37, nativeColumns: 37)

    static func list(_ text: String) throws -> [String] {
        try NeuronAddress.list(text, of: configuration).map(\.description)
    }

    @Test func everyForm() throws {
        #expect(try Self.list("5:120") == ["5:120"])
        #expect(try Self.list("5:120,11:0") == ["5:120", "11:0"])
        #expect(try Self.list("-1:1535") == ["11:1535"])
        #expect(try Self.list("5:100-103") == ["5:100", "5:101", "5:102", "5:103"])
        #expect(try Self.list("8:*:4") == ["8:0", "8:384", "8:768", "8:1152"])
        #expect(try Self.list("*:7").count == 12)
        #expect(try Self.list("*:*:3").suffix(3) == ["11:0", "11:512", "11:1024"])
        #expect(try Self.list("5:3,5:2-4,-7:3") == ["5:3", "5:2", "5:4"])
        #expect(try NeuronAddress.list("2:*:1536", of: Self.configuration).map(\.index) == Array(0..<1536))
    }

    @Test func whatDoesNotExistIsNamed() throws {
        func problem(_ text: String, units: NeuronAddress.Units? = nil) -> String {
            do {
                let found = try NeuronAddress.list(text, of: Self.configuration, units: units)
                return "\(found)"
            } catch {
                #expect((error as? VitvideoError)?.kind == .usage)
                return "\(error)"
            }
        }
        #expect(problem("5:1536") == "there is no neuron 1536: layer 5 has neurons 0 to 1535")
        #expect(problem("5:-1") == "there is no neuron -1: layer 5 has neurons 0 to 1535")
        #expect(
            problem("-1:10-99999999999") == "there is no neuron 99999999999: layer 11 has neurons 0 to 1535")
        #expect(problem("3:*:1537") == "there is no neuron 1536: layer 3 has neurons 0 to 1535")
        #expect(problem("12:0").hasPrefix("there is no layer 12: the model has layers 0 to 11"))
        #expect(
            problem("4:384", units: NeuronAddress.Units(name: "channel", count: 384))
                == "there is no channel 384: layer 4 has channels 0 to 383")
        for text in ["", "5", "5:", ":5", "x:5", "5:x", "5:9-3", "5:*", "5:*:0", "5:1:2", "5:1,", "5:*:4:4"] {
            #expect(problem(text).contains("names no neuron; write LAYER:NEURON"), "\(text)")
        }
    }
}
