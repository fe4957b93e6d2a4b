/// How the program is used, for who called it without anything to do.
enum Usage {
    /// What to say of a command alone; nil where there was more, or where the command does something by itself.
    static var text: String? {
        switch Arguments.given {
        case [], ["annotate"]:
            """
            See what a Vision Transformer attends to in a video or picture.

              vitvideo dog.mp4 -o out.mp4          every attention head, with the sound
              vitvideo dog.jpg -o out.png          the same of a picture
              vitvideo dog.mp4 --export maps.npz   the raw attention, for NumPy
              vitvideo probe photos/ -o report/    a page on pictures and models
              vitvideo neuron 5:120 -o neuron.png  what excites a neuron most
              vitvideo propagate dog.mp4 --mask first.png -o out.mp4  follow objects
              vitvideo models                      the known models

            'vitvideo --help' shows every option.
            """
        case ["probe"]:
            """
            Make a report on pictures: what models attend to, and how far they look.

              vitvideo probe dog.jpg cat.jpg -o report/
              vitvideo probe photos/ -o report/ --only distance

            'vitvideo probe --help' shows every option.
            """
        case ["neuron"]:
            """
            Make the picture that excites a neuron most, or find the frames that do.

              vitvideo neuron 5:120 -o neuron.png
              vitvideo neuron 5:120 --examples clip.mp4,photos/ -o examples.png

            'vitvideo neuron --help' shows every option.
            """
        case ["propagate"]:
            """
            Carry the masks of a first frame through a clip.

              vitvideo propagate dog.mp4 --mask first.png -o out.mp4
              vitvideo propagate dog.mp4 --point 640px,360px -o out.mp4

            'vitvideo propagate --help' shows every option.
            """
        default: nil
        }
    }
}
